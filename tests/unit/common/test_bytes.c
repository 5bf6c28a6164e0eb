// The bounded reader and writer: what ran out stays failed and never touches memory past its end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bytes.h"
#include "secret.h"

static void reader_stops_at_end(void **state)
{
	const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7};
	struct reader r = reader_make(data, sizeof(data));
	uint8_t out[4] = {9, 9, 9, 9};

	(void)state;
	assert_int_equal(reader_u8(&r), 1);
	assert_int_equal(reader_u16(&r), 0x0203);
	assert_int_equal(reader_u32(&r), 0x04050607);
	assert_true(reader_ok(&r));
	assert_int_equal(reader_left(&r), 0);
	reader_copy(&r, out, sizeof(out));
	assert_false(reader_ok(&r));
	assert_int_equal(out[0] | out[1] | out[2] | out[3], 0);
}

static void reader_sub_is_bounded(void **state)
{
	const uint8_t data[] = {1, 2, 3, 4};
	struct reader r = reader_make(data, sizeof(data));
	struct reader sub = reader_sub(&r, 2);

	(void)state;
	assert_int_equal(reader_left(&sub), 2);
	assert_int_equal(reader_u32(&sub), 0);
	assert_false(reader_ok(&sub));
	assert_true(reader_ok(&r));
	sub = reader_sub(&r, 3);
	assert_false(reader_ok(&sub));
	assert_int_equal(reader_left(&r), 0);
}

static void writer_stops_at_end(void **state)
{
	uint8_t data[5] = {0};
	struct writer w = writer_make(data, 4);

	(void)state;
	writer_u16(&w, 0);
	writer_u16(&w, 0x0506);
	writer_patch_u16(&w, 0, 0x0102);
	assert_true(writer_ok(&w));
	writer_u8(&w, 0xff);
	assert_false(writer_ok(&w));
	assert_memory_equal(data, ((uint8_t[]){1, 2, 5, 6, 0}), 5);
}

static void secrets(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	secret_random(a, sizeof(a));
	memcpy(b, a, sizeof(b));
	assert_true(secret_equal(a, b, sizeof(a)));
	b[31] ^= 1;
	assert_false(secret_equal(a, b, sizeof(a)));
	secret_wipe(b, sizeof(b));
	for (unsigned i = 0; i < sizeof(b); i++)
		assert_int_equal(b[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_stops_at_end),
		cmocka_unit_test(reader_sub_is_bounded),
		cmocka_unit_test(writer_stops_at_end),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
