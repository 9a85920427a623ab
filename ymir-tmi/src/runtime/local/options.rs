/// How local programs are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOptions {
    /// The environment variables that a program gets with the values that they have in this
    /// process. All others it does not see.
    pub inherit: Vec<String>,
}

impl Default for LocalOptions {
    /// What finding interpreters and libraries, locales and temporary folders takes.
    fn default() -> Self {
        let names = [
            "PATH",
            "HOME",
            "USER",
            "LANG",
            "LC_ALL",
            "TZ",
            "TMPDIR",
            "LD_LIBRARY_PATH",
            "CUDA_HOME",
        ];
        Self { inherit: names.map(str::to_owned).to_vec() }
    }
}
