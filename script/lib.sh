# Shared by the scripts of this folder: sourced, never run. Works on a bare Debian 12 that has
# nothing but apt, from any folder, as root or with sudo.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

packages_build=(build-essential meson ninja-build pkg-config libuv1-dev libpq-dev libcjson-dev
	libcurl4-openssl-dev libfyaml-dev libjq-dev libonig-dev libpcre2-dev libssl-dev python3)
packages_run=(postgresql python3)
packages_test=(check libfaketime libmicrohttpd-dev openssl pgbouncer postgresql python3 strace
	wrk)
packages_bench=(postgresql python3 wrk)
packages_fuzz=(clang libclang-rt-14-dev)
packages_lint=(clang-format cppcheck universal-ctags python3)

package_is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages NAME...: installs what is missing of these Debian packages.
install_packages() {
	local name missing=() sudo=()
	for name in "$@"; do
		package_is_installed "$name" || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		die "these Debian packages are missing, and there is no apt-get here: ${missing[*]}"
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "please install as root: apt-get install ${missing[*]}"
		say "Not root: using sudo to install packages."
		sudo=(sudo)
	fi
	say "Installing ${#missing[@]} missing Debian packages: ${missing[*]}"
	local log
	log=$(mktemp)
	local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
	if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } \
		>"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "apt-get could not install: ${missing[*]}"
	fi
	rm -f "$log"
}

# as_postgres COMMAND...: replaces this (sub)shell; the server's programs refuse to run as root.
# It dies with the script, should that be killed.
as_postgres() {
	local who=()
	if [ "$(id -u)" -eq 0 ]; then
		who=(--reuid=postgres --regid=postgres --init-groups)
	fi
	cd /
	exec setpriv --pdeathsig=INT "${who[@]}" env LC_ALL=C.UTF-8 "$@"
}

# The folder of initdb and postgres of the highest version that is installed.
postgres_bin() {
	local dir best=
	for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
		if [ -x "$dir/postgres" ]; then
			best=$dir
		fi
	done
	[ -n "$best" ] || best=$(dirname "$(command -v postgres || die 'no postgres here')")
	printf '%s\n' "$best"
}

# start_postgres: a throw-away cluster on a unix socket in a folder of its own below TMPDIR.
# Sets postgres_dir, postgres_pid and DATABASE_URL (exported). fsync is off: it is for tests.
start_postgres() {
	local bin
	bin=$(postgres_bin)
	postgres_dir=$(mktemp -d "${TMPDIR:-/tmp}/stepwell.XXXXXX")
	chmod 0711 "$postgres_dir"
	mkdir "$postgres_dir/socket" "$postgres_dir/log"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R postgres:postgres "$postgres_dir"
	fi
	(as_postgres "$bin/initdb" -D "$postgres_dir/data" -U postgres -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync >"$postgres_dir/initdb.log" 2>&1) ||
		{ cat "$postgres_dir/initdb.log" >&2; die "initdb failed"; }
	cat >>"$postgres_dir/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$postgres_dir/socket'
		fsync = off
		synchronous_commit = on
		full_page_writes = off
		max_connections = 200
		log_min_messages = warning
	CONF
	(as_postgres "$bin/postgres" -D "$postgres_dir/data") \
		>"$postgres_dir/log/server.log" 2>&1 </dev/null &
	postgres_pid=$!
	local tries=0
	until "$bin/pg_isready" -q -h "$postgres_dir/socket" -U postgres; do
		tries=$((tries + 1))
		if [ $tries -gt 300 ] || ! kill -0 "$postgres_pid" 2>/dev/null; then
			cat "$postgres_dir/log/server.log" >&2
			die "the throw-away Postgres did not start"
		fi
		sleep 0.1
	done
	"$bin/createdb" -h "$postgres_dir/socket" -U postgres stepwell
	export DATABASE_URL="host=$postgres_dir/socket user=postgres dbname=stepwell"
}

# Ends it, by its pid, and removes its folder. May be called twice.
stop_postgres() {
	if [ -n "${postgres_pid:-}" ]; then
		kill -INT "$postgres_pid" 2>/dev/null || true
		wait "$postgres_pid" 2>/dev/null || true
		postgres_pid=
	fi
	if [ -n "${postgres_dir:-}" ] && [ -d "$postgres_dir" ]; then
		rm -rf "$postgres_dir"
	fi
	postgres_dir=
}
