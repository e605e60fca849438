#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build.sh OUTPUT [-D...]: boot code for the FVP, as OUTPUT (a flat binary) and
# OUTPUT.elf. With -D, tests have it for another machine. Runs in the toolchain.

set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
output=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

base=$(printf '#include "layout.h"\nBOOT_BASE\n' | aarch64-linux-gnu-cpp -P -I "$here" "$@" - | tail -n1)
objects=()
for part in boot gicv5 psci; do
	aarch64-linux-gnu-gcc -c -march=armv8.2-a -Wall -Werror -Wa,--fatal-warnings -I "$here" "$@" \
		-o "$work/$part.o" "$here/$part.S"
	objects+=("$work/$part.o")
done
aarch64-linux-gnu-ld --fatal-warnings -nostdlib -z noexecstack --no-warn-rwx-segments \
	-Ttext="$base" -T "$here/boot.ld" -o "$output.elf" "${objects[@]}"
# What is zero at reset has to be in the file: nothing clears it.
aarch64-linux-gnu-objcopy -O binary --set-section-flags .bss=alloc,load,contents "$output.elf" "$output"
