# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# An apt of our own: the machine's mirror, the release that we build with, and
# state under build/apt. It needs no privilege and leaves the host's apt alone.

host=$(dpkg --print-architecture 2>/dev/null) || die "this host has no dpkg: a Debian 12 or 13 machine is needed"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r $keyring ] || die "$keyring is missing: install the package debian-archive-keyring"

# private_apt ARGS...: apt-get with our own sources and state.
private_apt() { apt-get -c "$BUILD/apt/apt.conf" "$@"; }

# fresh_apt: set it up, unless that was done within the last hour. A list older
# than that may name files which the archive no longer has.
fresh_apt() {
	[ -z "$(find "$BUILD/apt/updated" -mmin -60 2>/dev/null)" ] || return 0
	make_apt
	touch "$BUILD/apt/updated"
}

make_apt() {
	local apt=$BUILD/apt mirror suite
	mirror=$("$TOP/scripts/mirror")
	rm -rf "$apt"
	mkdir -p "$apt"/{lists/partial,cache/archives/partial,etc/preferences.d,etc/trusted}
	: >"$apt/status"
	for suite in "$DEBIAN_RELEASE" "$DEBIAN_RELEASE-updates" "$DEBIAN_RELEASE-backports"; do
		echo "deb [signed-by=$keyring] $mirror $suite main"
	done >"$apt/etc/sources.list"
	for suite in "$DEBIAN_RELEASE" "$DEBIAN_RELEASE-updates"; do
		echo "deb-src [signed-by=$keyring] $mirror $suite main"
	done >>"$apt/etc/sources.list"
	cat >"$apt/apt.conf" <<-END
		Dir::State "$apt";
		Dir::State::status "$apt/status";
		Dir::State::extended_states "$apt/extended_states";
		Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "$apt/etc/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::Etc::preferences "-";
		Dir::Etc::preferencesparts "$apt/etc/preferences.d";
		APT::Architecture "$host";
		APT::Architectures { "$host"; "arm64"; };
		APT::Install-Recommends "false";
		APT::Get::Assume-Yes "true";
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Acquire::Retries "3";
		Binary::apt-get::APT::Keep-Downloaded-Packages "true";
		Debug::NoLocking "true";
		DPkg::Post-Invoke { };
		APT::Update::Post-Invoke { };
	END
	private_apt update --error-on=any
}
