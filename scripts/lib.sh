# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Common ground of the scripts: where things are, how they speak, how a step
# is run, logged and skipped. Source it first:
#
#     . "$(dirname "$(readlink -f "$0")")/lib.sh"

set -euo pipefail

TOP=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
BUILD=$TOP/build
LOG=$BUILD/log
STAMP=$BUILD/stamp
SELF=$(basename "$0")
export LC_ALL=C.UTF-8
# shellcheck disable=SC2034 # read by the scripts that source this file
JOBS=${JOBS:-$(nproc)}

# What the project is built from. One place, read by every script.
# shellcheck disable=SC2034
LINUX_PACKAGE=linux-source-7.3
# shellcheck disable=SC2034
DEBIAN_RELEASE=trixie

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "$SELF" "$*" >&2; }

# kernel_patches: the kernel patches, in the order that they apply in, without
# the cover letters.
kernel_patches() {
	local part
	for part in fixes backend; do
		find "$TOP/patches/linux-7.3/$part" -name '[0-9]*.patch' ! -name '0000-*' | sort
	done
}

# die TEXT: the one line that tells why, then the end.
die() {
	warn "$*"
	exit 1
}

# in_toolchain CMD...: see scripts/in-toolchain.
in_toolchain() { "$TOP/scripts/in-toolchain" "$@"; }

# hash_of [WORD | @PATH]...: a hash of words, and of the contents and names of
# files and trees.
hash_of() {
	local arg
	for arg in "$@"; do
		if [ "${arg#@}" = "$arg" ]; then
			printf 'word %s\n' "$arg"
		elif [ -d "${arg#@}" ]; then
			find "${arg#@}" -type f -not -path '*/target/*' -print0 | sort -z | xargs -0r sha256sum
		elif [ -e "${arg#@}" ]; then
			sha256sum "${arg#@}"
		else
			printf 'absent %s\n' "${arg#@}"
		fi
	done | sed "s|$TOP/||" | sha256sum | cut -c1-32
}

# current NAME HASH: is what the step NAME made from HASH still there?
current() { [ -f "$STAMP/$1" ] && [ "$(cat "$STAMP/$1")" = "$2" ]; }

# stamp_of NAME: the hash that a step was last done with, for the steps that
# build on it.
stamp_of() { cat "$STAMP/$1" 2>/dev/null || echo none; }

# cause_in FILE: the line of a log that most likely tells why.
cause_in() {
	local line
	line=$(grep -a -m1 -E \
		'No space left|Could not resolve|Temporary failure|Unable to (locate|fetch|connect)|^E: |fatal error|fatal:|[Ee]rror:|error\[|ERROR|undefined (symbol|reference)|patch does not apply|\*\*\*|not found|Killed' \
		"$1" || true)
	[ -n "$line" ] || line=$(grep -av '^[[:space:]]*$' "$1" | tail -n1 || true)
	printf '%s' "${line:0:200}"
}

# progress LOGFILE EXPECTED PID: say how far a step is while PID lives, on one
# line of a terminal or as a line each half minute elsewhere.
progress() {
	local log=$1 expected=$2 pid=$3 start=$SECONDS last=$SECONDS text lines
	local every=30
	[ -t 1 ] && every=1
	while sleep 0.2 && kill -0 "$pid" 2>/dev/null; do
		[ $((SECONDS - last)) -ge $every ] || continue
		last=$SECONDS
		text=$(tail -c 4000 "$log" 2>/dev/null | grep -aoE '\[[0-9]+/[0-9]+\]' | tail -n1 || true)
		if [ -z "$text" ] && [ "$expected" -gt 0 ]; then
			lines=$(wc -l <"$log")
			lines=$((lines * 100 / expected))
			[ $lines -lt 99 ] || lines=99
			text="about $lines %"
		fi
		if [ -t 1 ]; then
			printf '\r      %4d s  %-20s\r' $((SECONDS - start)) "$text"
		else
			printf '      %4d s  %s\n' $((SECONDS - start)) "$text"
		fi
	done
	[ ! -t 1 ] || printf '\r%40s\r' ''
}

# step NAME HASH EXPECTED_LINES TEXT CMD...: do one step of the build.
#
# Runs CMD with its output in build/log/NAME.log, unless the step was last done
# with the same HASH. EXPECTED_LINES of output are 100 % in the progress shown;
# 0: not known. The stamp is written last, so that a step that was interrupted
# is done again. CMD may be a function; `set -e` is in force in it.
step() {
	local name=$1 hash=$2 expected=$3 text=$4 start=$SECONDS status=0 pid
	shift 4
	if current "$name" "$hash"; then
		say "  ok  $name: up to date"
		return
	fi
	mkdir -p "$LOG" "$STAMP"
	# Two builds in one tree would spoil each other.
	exec 8>"$STAMP/.$name.lock"
	flock -n 8 || {
		say "  ..  $name: another build is at it, waiting"
		flock 8
		if current "$name" "$hash"; then
			exec 8>&-
			say "  ok  $name: up to date"
			return
		fi
	}
	rm -f "$STAMP/$name"
	say "  ..  $name: $text"
	# In a process group of its own, so that all of it can be ended.
	set -m
	(
		set -euo pipefail
		trap - INT TERM
		"$@"
	) >"$LOG/$name.log" 2>&1 </dev/null 8>&- &
	pid=$!
	set +m
	STEP_PID=$pid
	progress "$LOG/$name.log" "$expected" "$pid"
	wait "$pid" || status=$?
	STEP_PID=
	if [ $status -ne 0 ]; then
		die "$name failed: $(cause_in "$LOG/$name.log") (log: build/log/$name.log)"
	fi
	printf '%s\n' "$hash" >"$STAMP/.$name.new"
	mv "$STAMP/.$name.new" "$STAMP/$name"
	exec 8>&-
	say "  ok  $name: done in $((SECONDS - start)) s"
}

# A step's command must not outlive the script that started it.
STEP_PID=
end_step() {
	trap - INT TERM
	[ -z "$STEP_PID" ] || kill -TERM -- "-$STEP_PID" 2>/dev/null || true
	warn "interrupted; the next run goes on from here"
	exit 130
}
trap end_step INT TERM
