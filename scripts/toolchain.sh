# Sourced by the other scripts: finds or installs what a build needs.
#
# Two worlds work. Where rustup can download, its toolchain gets the wasm target
# and the standard library's source. Where it cannot, Debian's packaged Rust
# for browser builds (rustc-web) is used for wasm.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${BODYMAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bodymap}
mkdir -p "$cache"

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# install_packages NAME...: Debian packages, as root or through sudo.
install_packages() {
  have apt-get || fail "$* must be installed, and this system has no apt-get to do it with"
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    have sudo || fail "these packages must be installed as root: $*"
    as_root=(sudo)
  fi
  say "installing $*"
  # Package lists of a new machine are missing or old.
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || {
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  }
}

have cargo || { [ -r "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"; }
have cargo || fail "Rust is missing: install it from https://rustup.rs and run this again"
have cc || install_packages gcc libc6-dev

# The linker of the browser build: wasm-ld under any name, or rust-lld of rustup.
debian_rust() {
  [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] || return 1
  [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std" ] || return 1
  local version
  version=$(/usr/bin/rustc --version | sed -E 's/^rustc 1\.([0-9]+).*/\1/')
  [ "$version" -ge 91 ] && debian_linker >/dev/null
}

debian_linker() {
  local version
  for version in $(seq 30 -1 19); do
    [ -x "/usr/bin/wasm-ld-$version" ] && { echo "/usr/bin/wasm-ld-$version"; return 0; }
  done
  return 1
}

rustup_wasm() {
  have rustup || return 1
  rustup component list --installed 2>/dev/null | grep -q '^rust-src' &&
    rustup target list --installed 2>/dev/null | grep -q '^wasm32-unknown-unknown' && return 0
  say "adding the wasm target and the standard library's source with rustup"
  rustup component add rust-src >/dev/null 2>&1 && rustup target add wasm32-unknown-unknown >/dev/null 2>&1
}

# Sets wasm_path, wasm_linker (empty: the toolchain's own).
find_wasm_toolchain() {
  if debian_rust; then
    :
  elif rustup_wasm; then
    wasm_path=$PATH wasm_linker=
    return
  else
    have apt-get || fail "rustup could not download the wasm target; try: rustup component add rust-src && rustup target add wasm32-unknown-unknown"
    apt-cache show rustc-web >/dev/null 2>&1 || install_packages ca-certificates
    local lld
    install_packages rustc-web cargo-web rust-web-src
    lld=$(apt-cache search --names-only '^lld-[0-9]+$' | sed -E 's/^lld-([0-9]+).*/\1/' | sort -n | tail -1)
    debian_linker >/dev/null || install_packages "lld-${lld:?no lld package found}"
    debian_rust || fail "the packaged Rust for browser builds does not work here"
  fi
  wasm_path=/usr/bin:$PATH wasm_linker=$(debian_linker)
}

# Makes wasm_bindgen, the program that writes the JavaScript glue; its version
# is pinned to the crate's in scripts/bindgen/Cargo.toml.
build_wasm_bindgen() {
  CARGO_TARGET_DIR=$cache/bindgen cargo build --quiet --locked --release --manifest-path "$root/scripts/bindgen/Cargo.toml"
}
wasm_bindgen=$cache/bindgen/release/bodymap-bindgen
