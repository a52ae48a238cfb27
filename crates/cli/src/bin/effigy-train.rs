//! The program `effigy-train`.

fn main() -> std::process::ExitCode {
    effigy_cli::effigy_train()
}
