//! The programs `effigy` and, with the feature `train`, `effigy-train`: they parse arguments, call the crates that do the
//! work, and say what came of it.

mod background;
mod bandwidth;
mod capture_up;
mod command;
mod engine;
mod failure;
mod framing;
mod generated;
mod interrupt;
mod light;
mod output;
mod performance;
mod progress;
mod report;
mod source;
#[cfg(feature = "train")]
mod trainer;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Trains, renders, converts and inspects neural avatars.
#[derive(Parser)]
#[command(
    version,
    about,
    long_about = "Trains, renders, converts and inspects neural avatars: photoreal people made of Gaussians on an animated rig.",
    after_help = "Exit codes: 0 done; 1 something failed on this machine (a graphics driver, a full disk); 2 the \
                  arguments or an input file are at fault; 130 interrupted.\n\nSet RUST_LOG=info for more on what \
                  happens."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    View(Box<command::view::Arguments>),
    Render(Box<command::render::Arguments>),
    Info(command::info::Arguments),
    Convert(command::convert::Arguments),
    Encode(Box<command::encode::Arguments>),
    Stream(command::stream::Arguments),
    Compare(command::compare::Arguments),
    Train(command::train::Arguments),
    Eval(command::eval::Arguments),
    Bench(command::bench::Arguments),
    Adapters(command::adapters::Arguments),
}

/// Runs `effigy` with the arguments that this process was given.
pub fn effigy() -> ExitCode {
    start(|| match Arguments::parse().command {
        Command::View(arguments) => command::view::run(&arguments),
        Command::Render(arguments) => command::render::run(&arguments),
        Command::Info(arguments) => command::info::run(&arguments),
        Command::Convert(arguments) => command::convert::run(&arguments),
        Command::Encode(arguments) => command::encode::run(&arguments),
        Command::Stream(arguments) => command::stream::run(&arguments),
        Command::Compare(arguments) => command::compare::run(&arguments),
        Command::Train(arguments) => command::train::run(&arguments),
        Command::Eval(arguments) => command::eval::run(&arguments),
        Command::Bench(arguments) => command::bench::run(&arguments),
        Command::Adapters(arguments) => command::adapters::run(&arguments),
    })
}

/// Runs `effigy-train` with the arguments that this process was given.
#[cfg(feature = "train")]
pub fn effigy_train() -> ExitCode {
    start(|| trainer::run(&trainer::Arguments::parse()))
}

/// Does what `run` does, and says what went wrong. Who trains has called `effigy`, whichever program it is that does.
fn start(run: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    let asked = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    // Drivers and wgpu report much that is nobody's concern here; what goes wrong comes back as an error.
    let filter = asked.unwrap_or_else(|| {
        Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("wgpu_hal", LevelFilter::OFF)
            .with_targets([("wgpu_core", LevelFilter::ERROR), ("naga", LevelFilter::ERROR)])
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time();
    tracing_subscriber::registry().with(lines).with(filter).init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("effigy: {}", failure::one_line(&error));
            failure::exit_code(&error)
        }
    }
}
