//! Where the program begins: reads the command line, runs the command, ends with its exit code.

use std::process::ExitCode;

use clap::Parser as _;
use paravox::cli::Cli;
use paravox::output::Output;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and are no failure; clap knows which is which (usage: exit code 2).
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::FAILURE };
        }
    };
    let output = Output::new(cli.json);
    match paravox::commands::run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("paravox: {failure}");
            failure.code()
        }
    }
}
