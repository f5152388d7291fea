//! The program: reads the command line and runs one command. What the commands do is in the library.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("punctual: {}", punctual::error::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
