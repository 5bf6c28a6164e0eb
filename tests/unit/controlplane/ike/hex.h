// Bytes written as hexadecimal text, for vectors; and chunks of them.
#ifndef VIGIL_TEST_HEX_H
#define VIGIL_TEST_HEX_H

#include <string.h>

#include "ike_crypto.h"

static inline uint8_t hex_digit(char c)
{
	if (c <= '9')
		return (uint8_t)(c - '0');
	return (uint8_t)((c | 0x20) - 'a' + 10);
}

// Bytes written to out[size]; fails the test if there is no room.
static inline size_t unhex(const char *text, uint8_t *out, size_t size)
{
	size_t n = strlen(text) / 2;

	assert_true(n <= size);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	return n;
}

struct hex {
	uint8_t bytes[600];
	size_t len;
};

static inline struct hex hex_make(const char *text)
{
	struct hex h;

	h.len = unhex(text, h.bytes, sizeof(h.bytes));
	return h;
}

static inline struct ike_chunk hex_chunk(const struct hex *h)
{
	return (struct ike_chunk){h->bytes, h->len};
}

static inline void assert_hex(const void *bytes, const char *text)
{
	struct hex h = hex_make(text);

	assert_memory_equal(bytes, h.bytes, h.len);
}

#endif
