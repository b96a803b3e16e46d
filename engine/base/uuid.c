/* Ids: version 7 for runs, version 8 for steps, version 4 for workers. */
#include "base/uuid.h"

#include "base/buf.h"
#include "base/clock.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_version(struct uuid *id, unsigned version)
{
	id->b[6] = (uint8_t)((id->b[6] & 0x0F) | version << 4);
	id->b[8] = (uint8_t)((id->b[8] & 0x3F) | 0x80);
}

static void fill_random(uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t r = random_u64();
		memcpy(out + i, &r, n - i < 8 ? n - i : 8);
	}
}

struct uuid uuid_v4(void)
{
	struct uuid id;
	fill_random(id.b, sizeof id.b);
	set_version(&id, 4);
	return id;
}

struct uuid uuid_v7(int64_t usec)
{
	struct uuid id;
	uint64_t ms = (uint64_t)(usec / USEC_PER_MS);
	fill_random(id.b, sizeof id.b);
	for (int i = 5; i >= 0; i--, ms >>= 8)
		id.b[i] = (uint8_t)ms;
	set_version(&id, 7);
	return id;
}

/* Looking the algorithm up costs OpenSSL more than a short digest: once in a process. */
static EVP_MD_CTX *start_digest(void)
{
	static EVP_MD_CTX *context;
	static EVP_MD *algorithm;
	if (!context) {
		context = EVP_MD_CTX_new();
		algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	}
	if (!context || !algorithm || !EVP_DigestInit_ex(context, algorithm, NULL))
		abort();
	return context;
}

void digest_sha256(const void *data, size_t n, uint8_t out[32])
{
	EVP_MD_CTX *context = start_digest();
	if (!EVP_DigestUpdate(context, data, n) ||
		!EVP_DigestFinal_ex(context, out, NULL))
		abort();
}

void digest_hex(const uint8_t *bytes, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex[bytes[i] >> 4];
		out[2 * i + 1] = hex[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

struct uuid uuid_step(struct uuid run, const char *path, unsigned generation)
{
	struct buf text = {0};
	uint8_t sum[32];
	struct uuid id = run;
	buf_add(&text, run.b, sizeof run.b);
	buf_puts(&text, path);
	buf_putc(&text, '\0');
	buf_int(&text, generation);
	digest_sha256(text.data, text.len, sum);
	buf_finish(&text);
	memcpy(id.b + 6, sum, 10);
	set_version(&id, 8);
	return id;
}

void uuid_format(struct uuid id, char out[UUID_TEXT])
{
	char hex[33];
	digest_hex(id.b, 16, hex);
	snprintf(out, UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		hex + 16, hex + 20);
}

static int nibble(char c)
{
	const char *hex = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(hex, c) : NULL;
	return at ? (int)((at - hex) % 16) : -1;
}

bool uuid_parse(const char *text, struct uuid *ret)
{
	struct uuid id;
	size_t n = 0;
	for (size_t i = 0; i < 36; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return false;
			continue;
		}
		int high = nibble(text[i]), low = high < 0 ? -1 : nibble(text[i + 1]);
		if (low < 0)
			return false;
		id.b[n++] = (uint8_t)(high << 4 | low);
		i++;
	}
	if (text[36])
		return false;
	*ret = id;
	return true;
}

unsigned uuid_version(struct uuid id)
{
	return id.b[6] >> 4;
}

int uuid_compare(struct uuid a, struct uuid b)
{
	return memcmp(a.b, b.b, sizeof a.b);
}

bool uuid_equal(struct uuid a, struct uuid b)
{
	return uuid_compare(a, b) == 0;
}
