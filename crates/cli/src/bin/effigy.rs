//! The program `effigy`.

fn main() -> std::process::ExitCode {
    effigy_cli::effigy()
}
