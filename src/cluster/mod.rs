//! What we touch: everything that talks to the Kubernetes API or to files.

pub mod file_source;
