#!/usr/bin/env bash
# Installs those of the named Debian packages that are missing; does nothing, and needs no rights, when none is.
#   examples/install_packages.sh [--optional] PACKAGE...
# --optional: a package that cannot be had is left out, with a notice, instead of ending in an error.
set -euo pipefail

optional=false
if [[ ${1:-} == --optional ]]; then
  optional=true
  shift
fi

give_up() {
  printf '%s\n' "$@" >&2
  if $optional; then exit 0; else exit 1; fi
}

installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  give_up "This system has no apt: install the equivalents of these Debian packages yourself, then run again with" \
    "RECLM_SKIP_PACKAGES=1:" "  $*"
fi

missing=()
for package in "$@"; do
  installed "$package" || missing+=("$package")
done
if [[ ${#missing[@]} == 0 ]]; then exit 0; fi

as_root=()
if [[ $(id -u) != 0 ]]; then
  command -v sudo >/dev/null || give_up "Missing packages: ${missing[*]}" \
    "They need root's rights, and there is no sudo. As root: apt-get install ${missing[*]}"
  as_root=(sudo)
fi
apt() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"
}

printf 'Installing %s\n' "${missing[*]}"
apt update >/dev/null || give_up "apt-get update failed: is there a network? Missing packages: ${missing[*]}"
if $optional; then
  for package in "${missing[@]}"; do
    apt install -y --no-install-recommends "$package" >/dev/null 2>&1 || printf 'Without %s: apt cannot install it\n' "$package"
  done
else
  apt install -y --no-install-recommends "${missing[@]}" >/dev/null ||
    give_up "apt-get install failed; its messages are above. The packages are those of Debian 12 (bookworm) or newer."
fi
