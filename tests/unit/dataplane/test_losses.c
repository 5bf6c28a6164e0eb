// What was lost before the control core could hear it, port by port: the NICs' counters are the
// test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_ethdev.h>

#include "gate.h"

#define WAN 0
#define LAN 1
#define SUB 2 // a subinterface of LAN

static struct rte_eth_stats ports[2];
static unsigned asked;

int __wrap_rte_eth_stats_get(uint16_t port, struct rte_eth_stats *out);

int __wrap_rte_eth_stats_get(uint16_t port, struct rte_eth_stats *out)
{
	asked++;
	*out = ports[port];
	return 0;
}

static int start(void **state)
{
	if (gate_start(state))
		return -1;
	gate.n_ports = 2;
	gate.n_ifaces = 3;
	for (uint16_t i = 0; i < 3; i++) {
		gate.ifaces[i].port = gate.ifaces[i].main = i == SUB ? LAN : i;
		gate.ifaces[i].sub = i == SUB;
	}
	memset(ports, 0, sizeof(ports));
	return 0;
}

static uint64_t losses(uint16_t iface)
{
	gate.losses_read = 0; // another tick
	return dp_punt_losses(&gate, iface);
}

static void of_each_port(void **state)
{
	(void)state;
	ports[WAN].imissed = 5;
	ports[LAN].imissed = 70;
	ports[LAN].rx_nombuf = 30;
	assert_int_equal(losses(WAN), 5);
	assert_int_equal(losses(LAN), 100);
	assert_int_equal(losses(SUB), 100);
	assert_int_equal(losses(DP_ALL_IFACES), 105);
	assert_int_equal(losses(3), 105); // there is none such
}

// Whatever came in by whichever port.
static void of_workers(void **state)
{
	(void)state;
	ports[LAN].imissed = 1;
	gate.workers[0]->counters[DROP_PUNT_IKE_ESTABLISHED] = 10;
	gate.workers[1]->counters[DROP_NO_BUFFER] = 20;
	assert_int_equal(losses(WAN), 30);
	assert_int_equal(losses(LAN), 31);
	assert_int_equal(losses(DP_ALL_IFACES), 31);
}

// A port that was stopped and started may have forgotten.
static void never_fewer(void **state)
{
	(void)state;
	ports[WAN].imissed = 5;
	ports[LAN].imissed = 7;
	assert_int_equal(losses(DP_ALL_IFACES), 12);
	ports[WAN].imissed = 0;
	ports[LAN].imissed = 8;
	assert_int_equal(losses(WAN), 5);
	assert_int_equal(losses(DP_ALL_IFACES), 13);
}

static void once_a_tick(void **state)
{
	(void)state;
	losses(WAN);
	asked = 0;
	for (unsigned i = 0; i < 1000; i++)
		dp_punt_losses(&gate, (uint16_t)(i % 3));
	assert_int_equal(asked, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_each_port),
		TEST(of_workers),
		TEST(never_fewer),
		TEST(once_a_tick),
	};

	return cmocka_run_group_tests_name("losses", tests, eal_start, eal_stop);
}
