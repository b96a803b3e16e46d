/*
 * Decimals by their digits: nothing is converted to binary, so nothing is rounded.
 * Division is by long division of the digits, with a remainder in limbs of nine digits.
 */
#include "json_schema/number.h"

#include <assert.h>
#include <string.h>

#define EXPONENT_MAX 100000000000000000 /* 10^17 */
#define LIMB 1000000000u
#define LIMBS (JSON_SCHEMA_NUMBER_DIVISOR / 9 + 3)

/* A natural number, the lowest limb first. */
struct natural {
	uint32_t limbs[LIMBS];
	unsigned n; /* limbs in use; those above are 0 */
};

static int64_t read_exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int64_t e = 0;
	for (; p < end; p++) {
		if (*p >= '0' && *p <= '9' && e < EXPONENT_MAX)
			e = e * 10 + (*p - '0');
	}
	if (e > EXPONENT_MAX)
		e = EXPONENT_MAX;
	return negative ? -e : e;
}

struct json_schema_number json_schema_number(struct json v)
{
	assert(json_type(v) == JSON_NUMBER);
	struct json_schema_number n = {.negative = *v.s == '-'};
	const char *p = v.s + n.negative, *end = v.s + v.n;
	size_t seen = 0, whole = 0, first = 0;
	bool point = false;
	for (; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		if (*p != '0') {
			if (!n.digits) {
				n.digits = p;
				first = seen;
			}
			n.count = seen - first + 1;
		}
		seen++;
		whole += !point;
	}
	if (n.count == 0)
		return (struct json_schema_number){0};
	n.exponent = (int64_t)whole - (int64_t)first;
	if (p < end)
		n.exponent += read_exponent(p + 1, end);
	return n;
}

/* The digit at *p, which moves on to the next one. */
static unsigned take_digit(const char **p)
{
	if (**p == '.')
		(*p)++;
	return (unsigned)(*(*p)++ - '0');
}

static int compare_magnitude(
	const struct json_schema_number *a, const struct json_schema_number *b)
{
	if (a->count == 0 || b->count == 0)
		return (a->count > 0) - (b->count > 0);
	if (a->exponent != b->exponent)
		return a->exponent < b->exponent ? -1 : 1;
	const char *p = a->digits, *q = b->digits;
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		unsigned x = take_digit(&p), y = take_digit(&q);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a->count > b->count) - (a->count < b->count);
}

int json_schema_number_compare(
	const struct json_schema_number *a, const struct json_schema_number *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	int c = compare_magnitude(a, b);
	return a->negative ? -c : c;
}

bool json_schema_number_is_integer(const struct json_schema_number *n)
{
	return n->count == 0 || n->exponent >= (int64_t)n->count;
}

/* n = n * 10 + digit; stays within the limbs because n is below a divisor. */
static void push_digit(struct natural *n, unsigned digit)
{
	uint64_t carry = digit;
	for (unsigned i = 0; i < n->n; i++) {
		carry += (uint64_t)n->limbs[i] * 10;
		n->limbs[i] = (uint32_t)(carry % LIMB);
		carry /= LIMB;
	}
	if (carry) {
		assert(n->n < LIMBS);
		n->limbs[n->n++] = (uint32_t)carry;
	}
}

static bool is_below(const struct natural *a, const struct natural *b)
{
	if (a->n != b->n)
		return a->n < b->n;
	for (unsigned i = a->n; i-- > 0;) {
		if (a->limbs[i] != b->limbs[i])
			return a->limbs[i] < b->limbs[i];
	}
	return false;
}

static void subtract(struct natural *a, const struct natural *b)
{
	int64_t borrow = 0;
	for (unsigned i = 0; i < a->n; i++) {
		int64_t left = (int64_t)a->limbs[i] - borrow - b->limbs[i];
		borrow = left < 0;
		a->limbs[i] = (uint32_t)(left + (borrow ? (int64_t)LIMB : 0));
	}
	while (a->n > 0 && a->limbs[a->n - 1] == 0)
		a->n--;
}

static void divide_on(struct natural *rest, const struct natural *divisor, unsigned digit)
{
	push_digit(rest, digit);
	while (!is_below(rest, divisor))
		subtract(rest, divisor);
}

bool json_schema_number_is_multiple(
	const struct json_schema_number *a, const struct json_schema_number *b)
{
	assert(b->count > 0 && b->count <= JSON_SCHEMA_NUMBER_DIVISOR);
	if (a->count == 0)
		return true;
	/* With A and B the digits as integers, a / b = A / B * 10^zeros. A does not end
	 * in 0, so below 0 it is no integer; above, more zeros than B has factors of 2
	 * or 5 make no difference. */
	int64_t zeros =
		(a->exponent - (int64_t)a->count) - (b->exponent - (int64_t)b->count);
	if (zeros < 0)
		return false;
	if (zeros > 4 * (int64_t)b->count)
		zeros = 4 * (int64_t)b->count;
	struct natural divisor = {0}, rest = {0};
	const char *p = b->digits;
	for (size_t i = 0; i < b->count; i++)
		push_digit(&divisor, take_digit(&p));
	p = a->digits;
	for (size_t i = 0; i < a->count; i++)
		divide_on(&rest, &divisor, take_digit(&p));
	while (zeros-- > 0)
		divide_on(&rest, &divisor, 0);
	return rest.n == 0;
}

bool json_schema_number_size(const struct json_schema_number *n, size_t *ret)
{
	if (n->negative || !json_schema_number_is_integer(n))
		return false;
	size_t size = 0;
	const char *p = n->digits;
	for (int64_t i = 0; n->count > 0 && i < n->exponent; i++) {
		unsigned digit = (size_t)i < n->count ? take_digit(&p) : 0;
		if (size > (SIZE_MAX - digit) / 10) {
			size = SIZE_MAX;
			break;
		}
		size = size * 10 + digit;
	}
	*ret = size;
	return true;
}

void json_schema_number_canonical(const struct json_schema_number *n, struct buf *out)
{
	if (n->negative)
		buf_putc(out, '-');
	const char *p = n->digits;
	for (size_t i = 0; i < n->count; i++)
		buf_putc(out, (char)('0' + take_digit(&p)));
	buf_printf(out, "e%lld", (long long)n->exponent);
}
