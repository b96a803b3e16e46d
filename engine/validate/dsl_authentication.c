/*
 * Authentication policies. Basic, bearer and digest are supported, with values that stand
 * in the definition and by a secret; OAuth2 and OpenID Connect are not.
 */
#include "validate/dsl.h"

static const struct shape secret_name = {
	.type = SHAPE_STRING,
	.what = "the name of a secret",
	.literal = true,
	.formats = FORMAT_NOT_EMPTY,
	.catalog = USE_SECRETS,
};

static const struct shape by_secret = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("use", &secret_name)),
};

static const struct shape user_and_password = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(
		NEED("username", &schema_string), NEED("password", &schema_string)),
};

static const struct shape inline_token = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("token", &schema_string)),
};

static const struct shape basic = {
	.type = SHAPE_CHOICE,
	.what = "an object with \"username\" and \"password\"",
	.choices = CHOICES({.type = JSON_OBJECT, .key = "use", .shape = &by_secret},
		{.type = JSON_OBJECT, .shape = &user_and_password}),
};

static const struct shape bearer = {
	.type = SHAPE_CHOICE,
	.what = "an object with \"token\"",
	.choices = CHOICES({.type = JSON_OBJECT, .key = "use", .shape = &by_secret},
		{.type = JSON_OBJECT, .shape = &inline_token}),
};

/* OAuth2 and OpenID Connect. */

static const struct shape authority = {
	.type = SHAPE_STRING,
	.what = "a URI or URI template",
	.formats = FORMAT_URI,
};

static const struct shape grant = {
	.type = SHAPE_STRING,
	.words = WORDS("authorization_code", "client_credentials", "password",
		"refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"),
};

static const struct shape client_method = {
	.type = SHAPE_STRING,
	.words = WORDS("client_secret_basic", "client_secret_post", "client_secret_jwt",
		"private_key_jwt", "none"),
};

static const struct shape client = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("id", &schema_string), MAY("secret", &schema_string),
		MAY("assertion", &schema_string), MAY("authentication", &client_method)),
};

static const struct shape encoding = {
	.type = SHAPE_STRING,
	.words = WORDS("application/x-www-form-urlencoded", "application/json"),
};

static const struct shape token_request = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(MAY("encoding", &encoding)),
};

static const struct shape token = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("token", &schema_string), NEED("type", &schema_string)),
};

static const struct shape endpoint_path = {
	.type = SHAPE_STRING,
	.what = "a URI template",
	.formats = FORMAT_URI_TEMPLATE,
};

static const struct shape oauth2_endpoints = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(MAY("token", &endpoint_path),
		MAY("revocation", &endpoint_path), MAY("introspection", &endpoint_path)),
};

static const struct member oauth2_members[] = {
	NEED("authority", &authority),
	NEED("grant", &grant),
	MAY("client", &client),
	MAY("request", &token_request),
	MAY("issuers", &schema_strings),
	MAY("scopes", &schema_strings),
	MAY("audiences", &schema_strings),
	MAY("username", &schema_string),
	MAY("password", &schema_string),
	MAY("subject", &token),
	MAY("actor", &token),
	{.name = NULL},
};

static const struct shape inline_oauth2 = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("endpoints", &oauth2_endpoints)),
	.more = oauth2_members,
};

static const struct shape inline_oidc = {
	.type = SHAPE_OBJECT,
	.members = oauth2_members,
};

static const struct shape oauth2 = {
	.type = SHAPE_CHOICE,
	.what = "an object with \"authority\" and \"grant\"",
	.choices = CHOICES({.type = JSON_OBJECT, .key = "use", .shape = &by_secret},
		{.type = JSON_OBJECT, .shape = &inline_oauth2}),
};

static const struct shape oidc = {
	.type = SHAPE_CHOICE,
	.what = "an object with \"authority\" and \"grant\"",
	.choices = CHOICES({.type = JSON_OBJECT, .key = "use", .shape = &by_secret},
		{.type = JSON_OBJECT, .shape = &inline_oidc}),
};

#define KINDS "basic", "bearer", "digest", "oauth2", "oidc"

static const struct member kinds[] = {
	MAY("basic", &basic),
	MAY("bearer", &bearer),
	MAY("digest", &basic),
	NOT_YET("oauth2", &oauth2, "OAuth2 authentication"),
	NOT_YET("oidc", &oidc, "OpenID Connect authentication"),
	{.name = NULL},
};

/* In use.authentications. The schema forgives further members there, even invalid ones.
 */
const struct shape schema_authentication = {
	.type = SHAPE_OBJECT,
	.rule = RULE_ONE_VALID,
	.members = kinds,
	.unknown = UNKNOWN_WARNING,
	.one_of = WORDS(KINDS),
};

static const struct shape authentication_name = {
	.type = SHAPE_STRING,
	.what = "the name of an entry of use.authentications",
	.literal = true,
	.formats = FORMAT_NOT_EMPTY,
	.catalog = USE_AUTHENTICATIONS,
};

const struct shape schema_authentication_or_name = {
	.type = SHAPE_OBJECT,
	.what = "an authentication, or {\"use\": NAME} for one of use.authentications",
	.members = MEMBERS(MAY("use", &authentication_name)),
	.more = kinds,
	.one_of = WORDS("use", KINDS),
};
