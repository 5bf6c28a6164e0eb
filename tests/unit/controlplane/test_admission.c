// Turns at a rate, against a plain count.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the ones above.
#include <cmocka.h>

#include "admission.h"

#define S TICKS_PER_SECOND

// However many want one, no second has more than its rate and a tenth of a second's.
static void no_more_than_the_rate(void **state)
{
	static const uint32_t rates[] = {1, 7, 99, 100, 101, 4000, 100000};

	(void)state;
	for (unsigned r = 0; r < sizeof(rates) / sizeof(*rates); r++) {
		struct admission a = {0};
		uint32_t rate = rates[r], total = 0;
		tick_t start = 0xffffff00u; // the clock wraps

		for (tick_t t = 0; t < 60 * S; t++)
			while (admission_take(&a, rate, start + t))
				total++;
		assert_in_range(total, 60 * rate - rate / 100 - 1,
		                60 * rate + rate / 10 + rate / 100 + 1);
	}
}

static void no_rate_no_limit(void **state)
{
	struct admission a = {0};

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(admission_take(&a, 0, 5));
		assert_int_equal(admission_reserve(&a, 0, 5), 0);
	}
}

// Those who wait go in their order, each at its own time.
static void promised_turns(void **state)
{
	static const uint32_t rates[] = {1, 3, 100, 250};

	(void)state;
	for (unsigned r = 0; r < sizeof(rates) / sizeof(*rates); r++) {
		struct admission a = {0};
		uint32_t rate = rates[r];
		tick_t now = 77 * S, before = 0;

		while (admission_reserve(&a, rate, now) == 0) // what the past allows
			;
		for (unsigned i = 2; i < 10 * rate; i++) {
			tick_t wait = admission_reserve(&a, rate, now);

			assert_true(wait >= before);
			before = wait;
			assert_in_range(wait + 1, i * S / rate, i * S / rate + 2);
		}
		for (uint32_t n = 0; admission_take(&a, rate, now + before); n++)
			assert_true(n < rate / S);
		assert_true(admission_take(&a, rate, now + before + S));
	}
}

// Promises of hours are kept while nobody asks: a gateway that has been idle for longer owes
// nothing.
static void debts_end(void **state)
{
	const tick_t month = 30u * 24 * 3600 * S;
	struct admission a = {0};

	(void)state;
	for (unsigned i = 0; i < 10000; i++) // peers, after a power cut
		(void)admission_reserve(&a, 1, 5 * S);
	assert_in_range(admission_reserve(&a, 1, 5 * S), 9990 * S, 10000 * S);
	assert_int_equal(admission_reserve(&a, 1, 5 * S + month), 0);
}

// A turn that nobody used is there for the next one.
static void given_back(void **state)
{
	struct admission a = {0};

	(void)state;
	assert_true(admission_take(&a, 1, 9 * S));
	assert_false(admission_take(&a, 1, 9 * S));
	admission_give_back(&a, 1);
	assert_true(admission_take(&a, 1, 9 * S));
	assert_false(admission_take(&a, 1, 10 * S - 2));
	assert_true(admission_take(&a, 1, 10 * S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_the_rate),
		cmocka_unit_test(no_rate_no_limit),
		cmocka_unit_test(promised_turns),
		cmocka_unit_test(debts_end),
		cmocka_unit_test(given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
