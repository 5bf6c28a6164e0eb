// Prefix table: longest match and all matches against a plain list; readers that look while
// prefixes come and go.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "prefix_table.h"
#include "test_eal.h"

#define PREFIXES 300u

static struct rte_rcu_qsbr *qsbr;
static struct prefix_table *table;
static struct prefix_set sets[2];

static int setup(void **state)
{
	(void)state;
	qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(4) + 63) / 64 * 64);
	if (!qsbr || rte_rcu_qsbr_init(qsbr, 4))
		return -1;
	table = prefix_table_create("test", 1000, qsbr);
	if (!table)
		return -1;
	prefix_table_set_init(table, &sets[0]);
	prefix_table_set_init(table, &sets[1]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	prefix_table_destroy(table);
	free(qsbr);
	return 0;
}

struct item {
	uint32_t addr;
	uint8_t len;
	bool in;
};

static unsigned model_match(const struct item *items, uint32_t addr, void **out)
{
	unsigned n = 0;

	for (int len = 32; len >= 0; len--)
		for (unsigned i = 0; i < PREFIXES; i++)
			if (items[i].in && items[i].len == len &&
			    items[i].addr == (addr & prefix_mask_bits((uint8_t)len)))
				out[n++] = (void *)&items[i];
	return n;
}

static void against_list(void **state)
{
	static struct item items[PREFIXES];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct item *it = &items[rng(PREFIXES)];
		uint32_t addr = 0x0a000000 | rng(4096);
		void *want[PREFIXES], *got[PREFIX_LENGTHS];
		unsigned n;

		if (it->in) {
			it->in = false;
			assert_ptr_equal(prefix_table_del(table, &sets[0], it->addr, it->len), it);
			assert_null(prefix_table_del(table, &sets[0], it->addr, it->len));
		} else {
			it->len = rng(20) == 0 ? 0 : (uint8_t)(18 + rng(15));
			it->addr = (0x0a000000 | rng(4096)) & prefix_mask_bits(it->len);
			it->in = prefix_table_add(table, &sets[0], it->addr, it->len, it) == 0;
		}
		n = prefix_table_match(table, &sets[0], addr, got);
		assert_int_equal(n, model_match(items, addr, want));
		assert_memory_equal(got, want, n * sizeof(got[0]));
		assert_ptr_equal(prefix_table_longest(table, &sets[0], addr), n ? want[0] : NULL);
		assert_null(prefix_table_longest(table, &sets[1], addr));
	}
}

static void limits(void **state)
{
	int value, err = 0;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(prefix_table_add(table, &sets[0], 0x0a000001, 8, &value), 0);
	assert_int_equal(prefix_table_add(table, &sets[0], 0x0a0000ff, 8, &value), -EEXIST);
	while (n < 5000 && (err = prefix_table_add(table, &sets[1], n, 32, &value)) == 0)
		n++;
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
		uint32_t addr = 0x0a000000 | (uint32_t)(n * 2654435761u) % 4096;
		void *got[PREFIX_LENGTHS];
		unsigned found = prefix_table_match(table, &sets[0], addr, got);

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
	pthread_t threads[2];
	int value;

	(void)state;
	assert_int_equal(prefix_table_add(table, &sets[0], 0x0a000000, 8, &stable_value), 0);
	for (uintptr_t i = 0; i < 2; i++) {
		assert_int_equal(rte_rcu_qsbr_thread_register(qsbr, (unsigned)i), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, reader, (void *)i), 0);
	}
	for (unsigned i = 0; i < 60000; i++) {
		uint32_t addr = 0x0a000000 | rng(4096);
		uint8_t len = (uint8_t)(20 + rng(13));

		if (!prefix_table_del(table, &sets[0], addr, len))
			(void)prefix_table_add(table, &sets[0], addr, len, &value);
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
		cmocka_unit_test_setup_teardown(against_list, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_beside_changes, setup, teardown),
	};

	return cmocka_run_group_tests_name("prefix_table", tests, eal_start, eal_stop);
}
