// SPI fields: every owner, slot and generation comes back; layouts that do not fit are refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spi.h"

static void fields(uint32_t owners, uint32_t slots)
{
	struct spi_layout l = {0};

	assert_int_equal(spi_layout_init(&l, owners, slots), 0);
	assert_int_equal(l.owner_bits + l.slot_bits + l.generation_bits, 31);
	for (uint32_t owner = 0; owner < owners; owner++)
		for (uint32_t slot = 0; slot < slots; slot += 1 + slots / 97)
			for (uint32_t generation = 1; generation; generation <<= 1) {
				uint32_t spi = spi_make(&l, owner, slot, generation);

				assert_true(spi_is_own(spi));
				assert_int_equal(spi_owner(&l, spi), owner);
				assert_int_equal(spi_slot(&l, spi), slot);
			}
}

static void round_trip(void **state)
{
	(void)state;
	fields(1, 1);
	fields(1, 64);
	fields(3, 1000);
	fields(16, 2000000);
}

static void generations_differ(void **state)
{
	struct spi_layout l = {0};

	(void)state;
	assert_int_equal(spi_layout_init(&l, 2, 1u << 20), 0);
	assert_int_not_equal(spi_make(&l, 1, 5, 8), spi_make(&l, 1, 5, 9));
	assert_false(spi_is_own(0x7fffffff));
}

static void too_many(void **state)
{
	struct spi_layout l = {0};

	(void)state;
	assert_int_equal(spi_layout_init(&l, 256, 1u << 20), -ERANGE);
	assert_int_equal(spi_layout_init(&l, 128, 1u << 20), 0);
	for (uint32_t owners = 1; owners <= 256; owners++) {
		assert_int_equal(spi_layout_init(&l, owners, spi_slots_most(owners)), 0);
		assert_int_equal(spi_layout_init(&l, owners, spi_slots_most(owners) + 1), -ERANGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(generations_differ),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests_name("spi", tests, NULL, NULL);
}
