"""The settings that a role or a database may have: which of them change what text or a commit means, and what the
others are about. What is pinned stands in sql/queries/pin_settings.sql; `test_cli_database.py` compares this with the
server's own list, so that a new version's settings are judged before they are met."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# By what they are about; a name, or the beginning of names that ends in "*".
ROLE_SETTINGS = {
    # What text means, what is written as which text, what a commit means, what an error ends: pinned for each session
    # of wfctl and of its workers, and without meaning for our functions.
    "pinned": """standard_conforming_strings array_nulls transform_null_equals quote_all_identifiers TimeZone DateStyle
        IntervalStyle bytea_output extra_float_digits xmloption default_transaction_isolation
        default_transaction_deferrable exit_on_error transaction_timeout client_min_messages
        restrict_nonsystem_relation_kind synchronous_commit""",
    # Set by the connection, for each kind of session, for each transaction, or for each function of ours.
    "set elsewhere": """client_encoding application_name search_path statement_timeout lock_timeout idle_* plan_cache_mode
        enable_* jit transaction_isolation transaction_read_only transaction_deferrable default_tablespace
        default_table_access_method""",
    # A database that refuses writes says so.
    "refuses": "default_transaction_read_only temp_file_limit max_stack_depth tcp_* client_connection_check_interval",
    # Plans and memory: how fast, never what.
    "plans": """*_cost *_limit cursor_tuple_fraction default_statistics_target effective_* constraint_exclusion
        geqo* jit_* *_mem *_threshold hash_mem_multiplier maintenance_io_concurrency io_* max_parallel_* min_parallel_*
        parallel_* force_parallel_mode debug_parallel_query recursive_worktable_factor temp_buffers
        synchronize_seqscans gin_* stats_fetch_consistency file_copy_method""",
    # Literals of other kinds than ours: backslash_quote is about \' in them, and E'' has none.
    "no literal of ours": "backslash_quote escape_string_warning xmlbinary timezone_abbreviations",
    # No text that is matched is made by a locale: to_char without TM, errors by their codes.
    "no locale of ours": "lc_* default_text_search_config icu_validation_level",
    "no object of ours": """row_security session_replication_role event_triggers lo_compat_privileges check_function_bodies
        temp_tablespaces default_toast_compression password_encryption scram_iterations createrole_self_grant
        allow_* dynamic_library_path extension_* local_preload_libraries session_preload_libraries
        allow_alter_system allow_in_place_tablespaces allow_system_table_mods""",
    "logs and figures": """log_* debug_* trace_* track_* update_process_title compute_query_id backtrace_functions
        client_* jit_dump_bitcode md5_password_warnings""",
    "storage": """backend_flush_after commit_* wal_* vacuum_* zero_damaged_pages ignore_* logical_decoding_work_mem
        deadlock_timeout post_auth_delay""",
}
ROLE_SETTINGS = {about: names.split() for about, names in ROLE_SETTINGS.items()}

# Values of what is pinned under which our own text would mean something else.
FOREIGN = {
    "standard_conforming_strings": "off", "array_nulls": "off", "transform_null_equals": "on", "quote_all_identifiers": "on",
    "TimeZone": "Australia/Lord_Howe", "DateStyle": "SQL, DMY", "IntervalStyle": "sql_standard", "bytea_output": "escape",
    "extra_float_digits": "-15", "xmloption": "document", "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on", "exit_on_error": "on", "client_min_messages": "error",
    "synchronous_commit": "off"}


def is_known(name):
    return any(re.fullmatch(known.replace("*", ".*"), name) for names in ROLE_SETTINGS.values() for known in names)


def pinned():
    """The names in sql/queries/pin_settings.sql."""
    text = (ROOT / "sql" / "queries" / "pin_settings.sql").read_text()
    return re.findall(r"\('(\w+)', ", text.partition("from (values")[2].partition("as s (")[0])


# ---- Unusual values, of what a role or a database may set ----

# Where the server's own list has no values, or its extremes would stop everything by what they say.
VALUES = {
    "DateStyle": ["SQL, DMY", "German", "Postgres, MDY"], "TimeZone": ["Australia/Lord_Howe", "Pacific/Kiritimati", "UTC+3"],
    "search_path": ['"$user", public', "stepwell, public", "public, pg_temp, pg_catalog"], "client_encoding": ["LATIN1", "SQL_ASCII"],
    "application_name": ["it''s \\ ${x}"], "default_text_search_config": ["pg_catalog.simple"],
    "timezone_abbreviations": ["Australia", "India"], "default_tablespace": ["other"], "temp_tablespaces": ["other"],
    "restrict_nonsystem_relation_kind": ["view", "foreign-table", "view, foreign-table"], "lc_messages": ["C", "POSIX"],
    "lc_monetary": ["C", "POSIX"], "lc_numeric": ["C", "POSIX"], "lc_time": ["C", "POSIX"], "backtrace_functions": ["ereport"],
    "wal_consistency_checking": ["heap, btree"], "dynamic_library_path": ["/nowhere:$libdir"],
    "default_table_access_method": ["heap"], "createrole_self_grant": ["set"], "max_stack_depth": ["100"],
    "extra_float_digits": ["-15", "3"], "log_min_messages": ["debug2", "panic"], "client_min_messages": ["debug2", "error"],
    "temp_buffers": ["100"], "statement_timeout": ["10s"], "lock_timeout": ["1s"], "idle_session_timeout": ["5s"],
    "idle_in_transaction_session_timeout": ["1s"], "transaction_timeout": ["1s"], "client_connection_check_interval": ["1"],
    "temp_file_limit": ["0"], "tcp_user_timeout": ["1000"]}
# Rows of their own have these (21, 25); or they can only be given when a session begins, and wait then.
# (session_replication_role: test_meetings has it; the judges' triggers would not fire.)
ELSEWHERE = {"session_replication_role", "post_auth_delay", "session_preload_libraries", "local_preload_libraries", "extension_destdir"}
# With these a database takes nothing, and what is asked of it must say why.
REFUSING = {"default_transaction_read_only": "on", "transaction_read_only": "on"}
# What they cost makes a run of many of them slow.
COSTLY = ("log_", "debug_", "trace_", "force_parallel_mode", "jit", "min_parallel", "parallel_", "wal_consistency", "commit_delay")


def unusual(row):
    """Values for a row of pg_settings that are not the usual one."""
    if row["name"] in VALUES:
        return VALUES[row["name"]]
    if row["vartype"] == "bool":
        return ["off" if row["boot_val"] == "on" else "on"]
    if row["vartype"] == "enum":
        return [value for value in row["enumvals"] if value != row["boot_val"]]
    return [value for value in (row["min_val"], row["max_val"]) if value and value != row["boot_val"]]
