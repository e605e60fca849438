#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the bare-metal programs: build.sh [--lint] OUTDIR. Runs inside the
# toolchain. --lint compiles with clippy, into a directory of its own.
#
# The distribution has no core library for bare-metal AArch64, so core is
# compiled from rust-src, once per compiler. softfloat: handlers then need not
# save vector registers.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
rustc=rustc
lint=()
if [[ ${1-} == --lint ]]; then
	rustc=clippy-driver
	# Bit fields read best as `x >> shift & mask`, whose order Rust fixes.
	lint=(-A clippy::precedence)
	shift
fi
out=${1:?usage: build.sh [--lint] OUTDIR}
core_src=$(rustc --print sysroot)/lib/rustlib/src/rust/library/core/src/lib.rs
flags=(--edition 2021 --target aarch64-unknown-none-softfloat -C opt-level=2
	-C panic=abort -C force-frame-pointers=no -C embed-bitcode=no
	--remap-path-prefix "$here=tools/baremetal")
export RUSTC_BOOTSTRAP=1

mkdir -p "$out"
stamp=$(rustc -V)
if [[ ! -f $out/libcore.rlib || $(cat "$out/core.stamp" 2>/dev/null) != "$stamp" ]]; then
	rustc "${flags[@]}" --crate-name core --crate-type rlib --cap-lints allow \
		--out-dir "$out" "$core_src"
	echo "$stamp" >"$out/core.stamp"
fi

compile() { # NAME TYPE SOURCE [FLAG...]
	local name=$1 type=$2 source=$3
	shift 3
	"$rustc" "${flags[@]}" -D warnings "${lint[@]}" --sysroot "$out" -L "$out" \
		--extern "noprelude:core=$out/libcore.rlib" -Zunstable-options \
		--crate-name "$name" --crate-type "$type" --out-dir "$out" "$@" "$source"
}

program() { # NAME
	compile "$1" bin "$here/$1/main.rs" --extern "rt=$out/librt.rlib" \
		-C linker=ld.lld -C link-arg="-T$here/rt/link.ld" -C link-arg=-zmax-page-size=4096
}

compile compiler_builtins rlib "$here/rt/compiler_builtins.rs"
compile rt rlib "$here/rt/lib.rs"
program el1
program el2
