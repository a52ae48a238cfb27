#!/usr/bin/env bash
# cargo 1.95.0, a program whose release profile says `strip = "symbols"`.
#
# Expected: an override of one package's profile (`[profile.release.package.NAME]`) that sets
# `opt-level` alone leaves everything else as the profile has it.
# Seen: where NAME is the package of the program itself, the program keeps its symbols; rustc is
# called with `strip=debuginfo`, the default. An override of a dependency has no such effect.
# In a large program this is a fifth of the file.
#
# Output seen: profile: strip=symbols; with an override: strip=debuginfo
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
# A toolchain of its own, so that the user's stays as it is.
export RUSTUP_HOME="$dir/rustup"
rustup toolchain install 1.95.0 --profile minimal --no-self-update >&2
mkdir src
echo 'fn main() {}' > src/main.rs
cat > Cargo.toml <<'T'
[package]
name = "small"
version = "0.1.0"
edition = "2024"

[profile.release]
strip = "symbols"
T
strip_of() {
    CARGO_TARGET_DIR="$dir/$1" cargo +1.95.0 build --release --verbose 2>&1 | grep -o 'strip=[a-z]*'
}
plain=$(strip_of plain)
printf '\n[profile.release.package.small]\nopt-level = "s"\n' >> Cargo.toml
overridden=$(strip_of overridden)
seen="profile: $plain; with an override: $overridden"
echo "$seen"
[ "$seen" = "profile: strip=symbols; with an override: strip=debuginfo" ]
