// Ranges of addresses whose most specific network is lost, against a search through all networks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "lost_networks.h"

#define NETWORKS 24

// By the most specific of all; of equal ones one that is not lost.
static bool is_lost(const struct network_state *n, unsigned count, const struct ip_addr *a)
{
	int len = -1;
	bool lost = false;

	for (unsigned i = 0; i < count; i++) {
		if (!prefix_contains(&n[i].prefix, a) || n[i].prefix.len < len)
			continue;
		lost = n[i].lost && (n[i].prefix.len > len || lost);
		len = n[i].prefix.len;
	}
	return lost;
}

static bool in_ranges(const struct dp_range *r, uint32_t n, const struct ip_addr *a)
{
	for (uint32_t i = 0; i < n; i++)
		if (addr_compare(&r[i].first, a) <= 0 && addr_compare(a, &r[i].last) <= 0)
			return true;
	return false;
}

// One of 256 at the beginning, in the middle or at the end of a family's addresses.
static struct ip_addr pick(uint8_t family, unsigned where, uint8_t low)
{
	struct ip_addr a = {.family = family};
	unsigned size = addr_size(family);

	memset(a.bytes, where == 0 ? 0 : where == 1 ? 0x5a : 0xff, size);
	a.bytes[size - 1] = low;
	return a;
}

static void against_a_model(void **state)
{
	(void)state;
	srand(7);
	for (unsigned round = 0; round < 600; round++) {
		struct network_state n[NETWORKS];
		struct dp_range r[2 * NETWORKS];
		unsigned count = (unsigned)rand() % (NETWORKS + 1), where = round % 3;
		uint32_t ranges;

		for (unsigned i = 0; i < count; i++) {
			uint8_t family = rand() % 2 ? 4 : 6,
				bits = (uint8_t)(addr_size(family) * 8);
			struct ip_addr a = pick(family, where, (uint8_t)rand());
			unsigned len = rand() % 8 ? bits - (unsigned)rand() % 9
			                          : (unsigned)rand() % (bits + 1u);

			n[i].prefix = prefix_make(&a, (uint8_t)len);
			n[i].lost = rand() % 2;
		}
		ranges = lost_ranges(n, count, r);
		assert_true(ranges <= 2 * count);
		for (uint32_t i = 1; i < ranges; i++)
			assert_true(addr_compare(&r[i - 1].last, &r[i].first) < 0);
		for (unsigned v = 0; v < 2 * 256; v++) {
			struct ip_addr a = pick(v & 1 ? 4 : 6, where, (uint8_t)(v >> 1));

			assert_int_equal(in_ranges(r, ranges, &a), is_lost(n, count, &a));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(against_a_model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
