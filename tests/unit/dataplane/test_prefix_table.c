// Prefix table, both families: longest match and all matches against a plain list; readers that
// look while prefixes come and go.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "prefix_table.h"
#include "test_eal.h"

#define PREFIXES 300u

static struct rte_rcu_qsbr *qsbr;
static struct prefix_table *table;
static struct prefix_set sets[2];
static uint8_t family;

static int setup(uint8_t fam)
{
	family = fam;
	qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(4) + 63) / 64 * 64);
	if (!qsbr || rte_rcu_qsbr_init(qsbr, 4))
		return -1;
	table = prefix_table_create("test", family, 1000, qsbr);
	if (!table)
		return -1;
	prefix_table_set_init(table, &sets[0]);
	prefix_table_set_init(table, &sets[1]);
	return 0;
}

static int setup4(void **state)
{
	(void)state;
	return setup(4);
}

static int setup6(void **state)
{
	(void)state;
	return setup(6);
}

static int teardown(void **state)
{
	(void)state;
	prefix_table_destroy(table);
	free(qsbr);
	return 0;
}

static uint8_t bits(void)
{
	return family == 4 ? 32 : 128;
}

// One of 4096 addresses that differ in the last bits; of IPv6 also in some of the first.
static struct ip_addr random_addr(void)
{
	struct ip_addr a = {.family = family, .bytes = {10}};
	uint32_t low = rng(4096);

	a.bytes[bits() / 8 - 2] = (uint8_t)(low >> 8);
	a.bytes[bits() / 8 - 1] = (uint8_t)low;
	if (family == 6)
		a.bytes[7] = (uint8_t)rng(3);
	return a;
}

// Mostly lengths that tell the addresses apart.
static uint8_t random_len(void)
{
	if (rng(20) == 0)
		return 0;
	if (family == 6 && rng(3) == 0)
		return (uint8_t)rng(129);
	return (uint8_t)(bits() - 14 + rng(15));
}

struct item {
	struct ip_prefix prefix;
	bool in;
};

static unsigned model_match(const struct item *items, const struct ip_addr *addr, void **out)
{
	unsigned n = 0;

	for (int len = 128; len >= 0; len--)
		for (unsigned i = 0; i < PREFIXES; i++)
			if (items[i].in && items[i].prefix.len == len &&
			    prefix_contains(&items[i].prefix, addr))
				out[n++] = (void *)&items[i];
	return n;
}

static void against_list(void **state)
{
	static struct item items[PREFIXES];

	(void)state;
	memset(items, 0, sizeof(items));
	for (unsigned round = 0; round < 20000; round++) {
		struct item *it = &items[rng(PREFIXES)];
		struct ip_addr addr = random_addr();
		const uint8_t *bytes = it->prefix.addr.bytes;
		void *want[PREFIXES], *got[PREFIX_LENGTHS];
		unsigned n;

		if (it->in) {
			it->in = false;
			assert_ptr_equal(prefix_table_del(table, &sets[0], bytes, it->prefix.len),
			                 it);
			assert_null(prefix_table_del(table, &sets[0], bytes, it->prefix.len));
		} else {
			it->prefix = prefix_make(&addr, random_len());
			addr = random_addr();
			it->in = prefix_table_add(table, &sets[0], bytes, it->prefix.len, it) == 0;
		}
		n = prefix_table_match(table, &sets[0], addr.bytes, got);
		assert_int_equal(n, model_match(items, &addr, want));
		assert_memory_equal(got, want, n * sizeof(got[0]));
		assert_ptr_equal(prefix_table_longest(table, &sets[0], addr.bytes),
		                 n ? want[0] : NULL);
		assert_null(prefix_table_longest(table, &sets[1], addr.bytes));
	}
}

// Every length there is contains an address.
static void all_lengths(void **state)
{
	struct ip_addr addr = random_addr();
	void *got[PREFIX_LENGTHS];
	int values[PREFIX_LENGTHS];

	(void)state;
	for (unsigned len = 0; len <= bits(); len++)
		assert_int_equal(
			prefix_table_add(table, &sets[0], addr.bytes, (uint8_t)len, &values[len]),
			0);
	assert_int_equal(prefix_table_match(table, &sets[0], addr.bytes, got), bits() + 1u);
	for (unsigned i = 0; i <= bits(); i++)
		assert_ptr_equal(got[i], &values[bits() - i]);
	for (unsigned len = bits(); len > 0; len--) {
		assert_ptr_equal(prefix_table_longest(table, &sets[0], addr.bytes), &values[len]);
		prefix_table_del(table, &sets[0], addr.bytes, (uint8_t)len);
	}
	assert_int_equal(
		prefix_table_add(table, &sets[0], addr.bytes, (uint8_t)(bits() + 1), values),
		-EINVAL);
}

static void limits(void **state)
{
	struct ip_addr a = {.family = family, .bytes = {10}};
	int value, err = 0;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(prefix_table_add(table, &sets[0], a.bytes, 8, &value), 0);
	a.bytes[3] = 1;
	assert_int_equal(prefix_table_add(table, &sets[0], a.bytes, 8, &value), -EEXIST);
	while (n < 5000 && err == 0) {
		a.bytes[1] = (uint8_t)(n >> 8);
		a.bytes[2] = (uint8_t)n;
		err = prefix_table_add(table, &sets[1], a.bytes, 24, &value);
		n += err == 0;
	}
	assert_int_equal(err, -ENOSPC);
	assert_in_range(n, 999, 4096);
}

static int stop;
static uint64_t looked, wrong;
static int stable_value;

// 10.0.0.0/8 is always there; deeper prefixes come and go and never hide it.
static void *reader(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	uint64_t n = 0, bad = 0;

	rte_rcu_qsbr_thread_online(qsbr, id);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint32_t low = (uint32_t)(n * 2654435761u) % 4096;
		uint8_t addr[16] = {10};
		void *got[PREFIX_LENGTHS];
		unsigned found;

		addr[bits() / 8 - 2] = (uint8_t)(low >> 8);
		addr[bits() / 8 - 1] = (uint8_t)low;
		found = prefix_table_match(table, &sets[0], addr, got);

		bad += found == 0 || got[found - 1] != &stable_value;
		bad += prefix_table_longest(table, &sets[0], addr) == NULL;
		n++;
		rte_rcu_qsbr_quiescent(qsbr, id);
	}
	rte_rcu_qsbr_thread_offline(qsbr, id);
	__atomic_fetch_add(&looked, n, __ATOMIC_RELAXED);
	__atomic_fetch_add(&wrong, bad, __ATOMIC_RELAXED);
	return NULL;
}

static void readers_beside_changes(void **state)
{
	const uint8_t ten[16] = {10};
	pthread_t threads[2];
	int value;

	(void)state;
	stop = 0;
	looked = wrong = 0;
	assert_int_equal(prefix_table_add(table, &sets[0], ten, 8, &stable_value), 0);
	for (uintptr_t i = 0; i < 2; i++) {
		assert_int_equal(rte_rcu_qsbr_thread_register(qsbr, (unsigned)i), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, reader, (void *)i), 0);
	}
	for (unsigned i = 0; i < 60000; i++) {
		struct ip_addr addr = random_addr();
		uint8_t len = (uint8_t)(bits() - 12 + rng(13));

		if (!prefix_table_del(table, &sets[0], addr.bytes, len))
			(void)prefix_table_add(table, &sets[0], addr.bytes, len, &value);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		rte_rcu_qsbr_thread_unregister(qsbr, i);
	}
	print_message("# %lu look-ups\n", looked);
	assert_true(looked > 1000);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(against_list, setup4, teardown),
		cmocka_unit_test_setup_teardown(against_list, setup6, teardown),
		cmocka_unit_test_setup_teardown(all_lengths, setup4, teardown),
		cmocka_unit_test_setup_teardown(all_lengths, setup6, teardown),
		cmocka_unit_test_setup_teardown(limits, setup4, teardown),
		cmocka_unit_test_setup_teardown(limits, setup6, teardown),
		cmocka_unit_test_setup_teardown(readers_beside_changes, setup4, teardown),
		cmocka_unit_test_setup_teardown(readers_beside_changes, setup6, teardown),
	};

	return cmocka_run_group_tests_name("prefix_table", tests, eal_start, eal_stop);
}
