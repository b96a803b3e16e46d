/* Each member goes with its length, so that none can be taken for parts of others. */
#include "journal/signature.h"

#include "base/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool signature_read_key(const char *hex, struct signature_key *ret)
{
	size_t n = strlen(hex);
	struct signature_key key = {.n = n / 2};
	if (n == 0 || n % 2 || key.n > sizeof key.bytes ||
		strspn(hex, "0123456789abcdef") != n)
		return false;
	for (size_t i = 0; i < key.n; i++) {
		const char pair[] = {hex[2 * i], hex[2 * i + 1], '\0'};
		key.bytes[i] = (char)strtol(pair, NULL, 16);
	}
	*ret = key;
	return true;
}

static void put_bytes(struct buf *message, const char *text, size_t n)
{
	buf_printf(message, "%zu:", n);
	buf_add(message, text, n);
	buf_putc(message, ',');
}

static void put_text(struct buf *message, const char *text)
{
	if (text)
		put_bytes(message, text, strlen(text));
	else
		buf_puts(message, "-,");
}

static void put_int(struct buf *message, int64_t v)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)v);
	put_text(message, text);
}

static void put_uuid(struct buf *message, struct uuid id)
{
	char text[UUID_TEXT];
	uuid_format(id, text);
	put_text(message, text);
}

static void put_entry(struct buf *message, const struct entry *e)
{
	put_int(message, e->seq);
	put_int(message, e->at);
	put_text(message, e->kind);
	put_text(message, e->path);
	if (e->attempt)
		put_int(message, e->attempt);
	else
		put_text(message, NULL);
	put_bytes(message, e->data.data, e->data.len);
}

/* sha256(key || bytes) */
static void keyed(
	const struct signature_key *key, const void *bytes, size_t n, uint8_t ret[32])
{
	struct buf b = {0};
	buf_add(&b, key->bytes, key->n);
	buf_add(&b, bytes, n);
	digest_sha256(b.data, b.len, ret);
	buf_finish(&b);
}

void signature_make(const struct signature_key *key, const struct signer *signer,
	struct entry *const *entries, size_t count, char ret[SIGNATURE_TEXT])
{
	struct buf message = {0};
	uint8_t inner[32], outer[32];
	put_text(&message, signer->transaction);
	put_text(&message, signer->process);
	put_text(&message, signer->login);
	put_uuid(&message, entries[0]->run_id);
	put_uuid(&message, signer->worker);
	for (size_t i = 0; i < count; i++)
		put_entry(&message, entries[i]);
	keyed(key, message.data, message.len, inner);
	keyed(key, inner, sizeof inner, outer);
	memcpy(ret, "\\x", 2);
	digest_hex(outer, sizeof outer, ret + 2);
	buf_finish(&message);
}
