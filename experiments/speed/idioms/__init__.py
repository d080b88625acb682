"""Scripts that train the same net as bpexp's default run, each in the nearest idiom of another library."""
