/* What the scanner shares with the reader of escapes; private to json*.c. */
#ifndef STEPWELL_JSON_SCAN_H
#define STEPWELL_JSON_SCAN_H

/* Four hexadecimal digits at p; -1 if they are not, or if end comes first. */
int json_hex4(const char *p, const char *end);

#endif
