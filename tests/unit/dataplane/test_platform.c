// What needs no running dataplane: EAL's arguments, PCI addresses, the class of an IKE message by
// its cookies, the growing queue, names of counters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "punt.h"

static void test_pci_addresses(void **state)
{
	(void)state;
	assert_true(eal_is_pci("0000:03:00.0"));
	assert_true(eal_is_pci("03:00.1"));
	assert_true(eal_is_pci("0000:03:00.0,representor=[0]"));
	assert_false(eal_is_pci("net_af_packet0,iface=eth0"));
	assert_false(eal_is_pci("net_tap0"));
	assert_false(eal_is_pci("0000:03:00"));
	assert_false(eal_is_pci("03:00.0x"));
	assert_false(eal_is_pci(""));
}

static bool has_arg(const struct eal_args *a, const char *arg)
{
	for (int i = 0; i < a->count; i++)
		if (strcmp(a->args[i], arg) == 0)
			return true;
	return false;
}

static void test_eal_arguments(void **state)
{
	static const unsigned cpus[3] = {1, 1, 5};
	struct dp_port_config ports[2] = {{.device = "net_null0,no-rx=1"}, {.device = "net_tap0"}};
	struct dp_config c = {.ports = ports,
	                      .n_ports = 2,
	                      .worker_cpus = cpus,
	                      .n_workers = 3,
	                      .control_cpu = 1,
	                      .memory_mb = 256};
	struct eal_args a;

	(void)state;
	assert_int_equal(eal_args_make(&c, &a), 0);
	assert_true(has_arg(&a, "--lcores=0@1,1@1,2@1,3@5"));
	assert_true(has_arg(&a, "--no-huge") && has_arg(&a, "--no-shconf"));
	assert_true(has_arg(&a, "--no-pci"));
	assert_true(has_arg(&a, "--vdev=net_null0,no-rx=1") && has_arg(&a, "--vdev=net_tap0"));
	assert_true(has_arg(&a, "256"));
	eal_args_free(&a);

	c.hugepages = true;
	snprintf(ports[1].device, sizeof(ports[1].device), "0000:03:00.0");
	assert_int_equal(eal_args_make(&c, &a), 0);
	assert_true(has_arg(&a, "--in-memory"));
	assert_false(has_arg(&a, "--no-huge") || has_arg(&a, "--no-pci"));
	assert_true(has_arg(&a, "--allow=0000:03:00.0"));
	eal_args_free(&a);
}

static void test_punt_class(void **state)
{
	uint32_t tags[4] = {0, 0x11223344, 0, 0};
	uint8_t header[28];
	uint32_t slot = 0;

	(void)state;
	memset(header, 0x77, sizeof(header));
	assert_false(punt_is_established(tags, 4, header, sizeof(header), &slot));
	memcpy(header, "\0\0\0\1\x11\x22\x33\x44", 8);
	assert_true(punt_is_established(tags, 4, header, sizeof(header), &slot));
	// A slot beyond the table, a wrong tag, tag 0 of a slot that is not in use.
	assert_false(punt_is_established(tags, 1, header, sizeof(header), &slot));
	header[7] ^= 1;
	assert_false(punt_is_established(tags, 4, header, sizeof(header), &slot));
	memcpy(header, "\0\0\0\2\0\0\0\0", 8);
	assert_false(punt_is_established(tags, 4, header, sizeof(header), &slot));
	// The responder's cookie counts as well; a short header does not.
	memcpy(header + 8, "\0\0\0\1\x11\x22\x33\x44", 8);
	assert_true(punt_is_established(tags, 4, header, sizeof(header), &slot));
	assert_false(punt_is_established(tags, 4, header, 15, &slot));
}

static void test_fifo_keeps_order_while_it_grows(void **state)
{
	struct fifo f = {0};
	uint64_t in = 0, out = 0;

	(void)state;
	for (unsigned round = 1; round < 200; round++) {
		for (unsigned i = 0; i < round; i++, in++)
			assert_int_equal(fifo_push(&f, &in, sizeof(in)), 0);
		for (unsigned i = 0; i < round / 2; i++, out++) {
			assert_int_equal(*(uint64_t *)fifo_peek(&f, sizeof(in)), out);
			fifo_pop(&f);
		}
	}
	for (; out < in; out++) {
		assert_int_equal(*(uint64_t *)fifo_peek(&f, sizeof(in)), out);
		fifo_pop(&f);
	}
	assert_null(fifo_peek(&f, sizeof(in)));
	fifo_fini(&f);
}

static void test_every_counter_has_a_name(void **state)
{
	(void)state;
	for (unsigned c = 0; c < COUNTERS; c++) {
		assert_non_null(drop_name(c));
		assert_int_equal(strncmp(drop_name(c), "drop ", 5) == 0, c < DROP_REASONS);
		for (unsigned other = 0; other < c; other++)
			assert_string_not_equal(drop_name(other), drop_name(c));
	}
	assert_null(drop_name(COUNTERS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pci_addresses),
		cmocka_unit_test(test_eal_arguments),
		cmocka_unit_test(test_punt_class),
		cmocka_unit_test(test_fifo_keeps_order_while_it_grows),
		cmocka_unit_test(test_every_counter_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
