/* An answer's body as text: UTF-8, whatever charset its Content-Type declares. */
#include "http/answer.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

/* Those that people's servers use; others of glibc's are obscure, and what comes from
 * outside chooses. A star stands for the rest. */
static const char *const charsets[] = {"iso-8859-*", "latin1", "windows-125*", "cp125*",
	"utf-16", "utf-16le", "utf-16be", "utf-32", "utf-32le", "utf-32be", "koi8-r",
	"koi8-u", "shift_jis", "euc-jp", "euc-kr", "gb2312", "gbk", "gb18030", "big5"};

static bool is_known(const char *name)
{
	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++) {
		size_t n = strcspn(charsets[i], "*");
		const char *rest = name + n;
		if (strncasecmp(name, charsets[i], n) != 0)
			continue;
		if (!charsets[i][n] ? !*rest : *rest && !rest[strspn(rest, "0123456789")])
			return true;
	}
	return false;
}

/* The parameter `charset` of a media type, in ret (at most size - 1 bytes); false: none
 * that is known. */
static bool find_charset(const char *type, char *ret, size_t size)
{
	for (const char *p = strchr(type, ';'); p; p = strchr(p, ';')) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, "charset=", 8) != 0)
			continue;
		p += 8;
		p += *p == '"';
		size_t n = strcspn(p, "\"; \t");
		if (n == 0 || n >= size)
			return false;
		memcpy(ret, p, n);
		ret[n] = '\0';
		return is_known(ret);
	}
	return false;
}

/* Appends the text in UTF-8; false, and nothing, if it is none in that charset. */
static bool decode(const char *charset, const struct buf *body, struct buf *out)
{
	char piece[4096], *from = body->data;
	size_t left = body->len, before = out->len;
	iconv_t conversion = iconv_open("UTF-8", charset);
	bool ok = conversion != (iconv_t)-1, full = true;
	while (ok && full) {
		char *to = piece;
		size_t room = sizeof piece;
		full = iconv(conversion, &from, &left, &to, &room) == (size_t)-1;
		ok = !full || errno == E2BIG;
		buf_add(out, piece, sizeof piece - room);
	}
	if (conversion != (iconv_t)-1)
		iconv_close(conversion);
	if (!ok)
		out->len = before;
	return ok;
}

void http_answer_text(const struct http_answer *a, struct buf *out)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *type = http_headers_get(&a->headers, "Content-Type");
	char charset[32];
	struct buf text = {0};
	if (!type || a->body.len == 0 || !find_charset(type, charset, sizeof charset) ||
		!decode(charset, &a->body, &text))
		buf_add(&text, buf_text(&a->body), a->body.len);
	size_t skip = text.len >= 3 && memcmp(text.data, mark, 3) == 0 ? 3 : 0;
	if (text.len > skip)
		buf_add(out, text.data + skip, text.len - skip);
	buf_finish(&text);
}
