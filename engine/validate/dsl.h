/*
 * The shape of a definition as constant tables: what workflow.schema.json of the Open
 * Workflow Specification 1.0.3 says, one `struct shape` for each of its $defs, and beside
 * it what this runtime does not run yet (NOT_YET) and what it reads itself (`ours`: the
 * arguments of call: sql, metadata). validate.c walks table and document together.
 */
#ifndef STEPWELL_VALIDATE_DSL_H
#define STEPWELL_VALIDATE_DSL_H

#include "json/format.h"
#include "json/json.h"

enum shape_type {
	SHAPE_ANY,  /* any value; expressions in it are looked at */
	SHAPE_FREE, /* any value; never an expression */
	SHAPE_STRING,
	SHAPE_INTEGER,
	SHAPE_BOOLEAN,
	SHAPE_ARRAY,
	SHAPE_OBJECT,
	SHAPE_CHOICE, /* the first choice that fits the value decides its shape */
};

/* What becomes of members that an object's table does not name. */
enum unknown {
	UNKNOWN_ERROR,       /* unevaluatedProperties: false */
	UNKNOWN_FREE,        /* allowed; only a likely misspelling is pointed out */
	UNKNOWN_WARNING,     /* allowed, but without any effect */
	UNKNOWN_UNSUPPORTED, /* allowed, and would change what the definition means */
};

/* The entries of `use` that a string names. */
enum use_section {
	USE_NONE,
	USE_AUTHENTICATIONS,
	USE_ERRORS,
	USE_FUNCTIONS,
	USE_RETRIES,
	USE_SECRETS,
	USE_TIMEOUTS,
	CATALOGS
};

/* What a table cannot say; the code is in validate.c. */
enum rule {
	RULE_NONE,
	RULE_TASK,      /* a misspelt or second task keyword gets a text of its own */
	RULE_TASK_LIST, /* names and `then` within the list */
	RULE_BRANCHES,  /* names; no `then` leads from one to another */
	RULE_LIFETIME,  /* `after` if and only if cleanup is "eventually" */
	RULE_TEXT,      /* most likely meant as an expression */
	RULE_DSL,       /* 1.0.x is what we run */
	RULE_FUNCTION,  /* the name of a function that is not built in */
	RULE_SCHEMA,    /* it compiles, or can be read at registration */
	RULE_RUN,       /* a workflow has an output, and no streams */
	RULE_CONDITION, /* most likely no assignment */
	RULE_URL,       /* of a request */
	RULE_SOURCE,    /* a URL that is read at registration */
	RULE_DURATION,  /* at most a century in all */
	RULE_SECRET,    /* the name of a secret, in use.secrets */
	RULE_SQL,       /* the parameters are those that the statement names */
	RULE_ONE_VALID, /* one_of counts only the members that are valid */
	RULE_ERROR,     /* the type of an error; most likely not a misspelt one */
	RULE_EMITTED,   /* the attributes of an event */
	RULE_AWAITED,   /* those by which one is chosen */
	RULE_SCRIPT,    /* names of arguments are such in its language */
	RULE_METHOD,    /* of HTTP; most likely not a misspelt one */
	RULE_TIMEOUT,   /* of some time */
	RULE_ITEMS,     /* what a loop goes through is no constant but a list */
	RULE_STRATEGY,  /* what is listened to */
	RULE_METADATA,  /* of the document */
	RULE_BY_ITSELF, /* an object only in a function that stands by itself */
};

struct shape {
	enum shape_type type;
	enum rule rule;
	const char *what; /* "a duration", for "must be ..."; NULL: by type */
	/* strings */
	unsigned formats;         /* any of these; 0: every string */
	const char *const *words; /* any of these; NULL: every string. Of an object with
				     one member, the name: these stand one level further
				     in, unless the name was forgotten. */
	enum use_section catalog;
	bool expression; /* an expression even without ${ } */
	bool literal;    /* never an expression */
	bool foreign;    /* an expression only if it begins with ${: code of its own */
	bool soft;       /* other words and numbers are valid, but unsupported */
	/* integers */
	int64_t min, max; /* both 0: no range */
	/* arrays and objects */
	size_t min_count, max_count; /* 0: no limit */
	const struct shape *of;      /* elements, or members that are not named */
	const struct member *members, *more;
	enum unknown unknown;
	const char *const *one_of, *const *one_of_too; /* exactly one of these members */
	bool ours; /* findings inside are UNSUPPORTED: the specification allows it */
	const struct choice *choices;
};

struct member {
	const char *name; /* NULL ends a table */
	const struct shape *shape;
	bool required;
	bool ours;           /* required by us, not by the specification */
	bool request;        /* part of what an attempt sends */
	bool secrets;        /* $secrets may stand in it */
	bool secret_input;   /* ... and in input.from of a task that has this member */
	const char *not_yet; /* "fork": not supported by this runtime yet */
	const char *needs;   /* another member that must be there too */
};

struct choice {
	enum json_type type; /* JSON_NONE ends a table */
	const char *key,
		*value; /* the object has key [with this string]; NULL: any object */
	const struct shape *shape;
};

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define MEMBERS(...) ((const struct member[]){__VA_ARGS__, {.name = NULL}})
#define CHOICES(...) ((const struct choice[]){__VA_ARGS__, {.type = JSON_NONE}})
#define NEED(n, s)                                          \
	{                                                   \
		.name = (n), .shape = (s), .required = true \
	}
#define MAY(n, s)                         \
	{                                 \
		.name = (n), .shape = (s) \
	}
/* $secrets may stand in it. */
#define MAY_SECRET(n, s)                                   \
	{                                                  \
		.name = (n), .shape = (s), .secrets = true \
	}
#define NOT_YET(n, s, w)                                  \
	{                                                 \
		.name = (n), .shape = (s), .not_yet = (w) \
	}

extern const struct shape schema_workflow;               /* dsl_workflow.c */
extern const struct shape schema_task_list, schema_task; /* dsl_task.c */
extern const struct member schema_task_base[];
extern const char *const schema_task_keywords[];

extern const struct shape schema_call; /* dsl_call.c */
extern const char *const schema_functions[];

extern const struct shape schema_emit, schema_listen, schema_foreach; /* dsl_event.c */
extern const struct shape schema_event_strategy;

extern const struct shape schema_run; /* dsl_run.c */

/* dsl_common.c */
extern const struct shape schema_any, schema_free, schema_string, schema_literal;
extern const struct shape schema_expression, schema_bare, schema_condition,
	schema_boolean, schema_integer;
extern const struct shape schema_strings, schema_object, schema_string_map;
extern const struct shape schema_object_or_string;
extern const struct shape schema_duration, schema_plain_duration, schema_timeout;
extern const struct shape schema_timeout_or_name;
extern const struct shape schema_uri_or_expression, schema_endpoint, schema_source,
	schema_resource;
extern const struct shape schema_input, schema_output, schema_export;
extern const struct shape schema_error, schema_error_or_name;
extern const struct shape schema_retry, schema_retry_or_name, schema_retry_name;

extern const struct shape schema_authentication; /* dsl_authentication.c */
extern const struct shape schema_authentication_or_name;

#endif
