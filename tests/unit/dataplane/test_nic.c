// What a port asks of NICs that differ from others, as nic_model.h plays them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nic_model.h"

#include "addr.h"
#include "log.h"
#include "port.h"

#define WORKERS 4u

// Interfaces, ports and NICs have the same numbers.
enum {
	ICE,
	I40E,
	ENA,
	VMXNET3,
	IXGBE,
	IAVF,
	IXGBE_VF,
	NICS,
};

#define BY_ADDRESS4 (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER)
#define BY_ADDRESS6 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER)
#define BY_PORT4    (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)
#define BY_PORT6    (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP)

static struct dp *dp;

static void nics_fill(void)
{
	uint64_t all = BY_ADDRESS4 | BY_ADDRESS6 | BY_PORT4 | BY_PORT6;

	for (unsigned i = 0; i < NICS; i++)
		nics[i] = (struct nic){
			.driver = "net_ice", .rss = all, .reta = 128, .reta_before = 128};
	nics[I40E].driver = "net_i40e";
	nics[I40E].rss = all & ~(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6);
	nics[ENA].driver = "net_ena";
	nics[ENA].rss = BY_PORT4 | BY_PORT6;
	nics[VMXNET3].driver = "net_vmxnet3";
	nics[VMXNET3].rss = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6 |
	                    RTE_ETH_RSS_NONFRAG_IPV6_TCP;
	nics[VMXNET3].reta_before = 0;
	nics[VMXNET3].reta = 16;
	nics[IAVF].driver = "net_iavf";
	nics[IAVF].tx_max = WORKERS;
	nics[IAVF].no_interrupts = true;
	nics[ENA].no_interrupts = true;
	nics[IXGBE_VF].driver = "net_ixgbe_vf";
	nics[IXGBE_VF].offloads = RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	nics[ICE].offloads = RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	nics[IXGBE_VF].all_multicast = -EAGAIN;
	nics[IXGBE].driver = "net_ixgbe";
	nics[IXGBE].flags = RTE_ETH_DEV_INTR_LSC;
	nics[ICE].flags = RTE_ETH_DEV_INTR_LSC;
}

static int start(void **state)
{
	static const unsigned cpus[WORKERS];
	struct dp_port_config ports[NICS] = {0};
	const struct dp_config config = {.ports = ports,
	                                 .n_ports = NICS,
	                                 .worker_cpus = cpus,
	                                 .n_workers = WORKERS,
	                                 .memory_mb = 256,
	                                 .idle_adaptive = true,
	                                 .max_peers = 8,
	                                 .max_tunnels = 8,
	                                 .max_sas = 256,
	                                 .max_ike_sas = 8};
	char err[256];

	(void)state;
	nics_fill();
	for (unsigned i = 0; i < NICS; i++) {
		snprintf(ports[i].name, sizeof(ports[i].name), "nic%u", i);
		ports[i].rx_queues = i == VMXNET3 ? 3 : 0;
		ports[i].mtu = i == ENA ? 9000 : 0;
		snprintf(ports[i].device, sizeof(ports[i].device), "net_null%u,no-rx=1", i);
	}
	dp = dp_prepare(&config, NULL, err, sizeof(err));
	if (!dp)
		print_error("%s\n", err);
	return dp ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	dp_stop(dp);
	return 0;
}

static uint64_t spread_of(unsigned nic)
{
	return nics[nic].conf.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS
	               ? nics[nic].conf.rx_adv_conf.rss_conf.rss_hf
	               : 0;
}

// ---- spreading ---------------------------------------------------------------------------------

static void test_addresses_alone_where_a_family_has_a_hash(void **state)
{
	(void)state;
	assert_int_equal(spread_of(ICE), BY_ADDRESS4 | BY_ADDRESS6);
	assert_int_equal(dp->ifaces[ICE].rss_reta_size, 128);
	assert_int_equal(spread_of(VMXNET3), RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6);
}

static void test_tcp_and_udp_where_a_family_has_none(void **state)
{
	(void)state;
	assert_int_equal(spread_of(I40E), RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER |
	                                          BY_PORT4 | RTE_ETH_RSS_FRAG_IPV6 |
	                                          RTE_ETH_RSS_NONFRAG_IPV6_OTHER | BY_PORT6);
	assert_non_null(dp->ifaces[I40E].rss_reta);
}

// Of ESP it says nothing, so nobody may count on its table.
static void test_tcp_and_udp_alone(void **state)
{
	(void)state;
	assert_int_equal(spread_of(ENA), BY_PORT4 | BY_PORT6);
	assert_null(dp->ifaces[ENA].rss_reta);
}

static void test_a_table_that_is_there_after_the_start(void **state)
{
	(void)state;
	assert_int_equal(dp->ifaces[VMXNET3].rss_reta_size, 16);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(dp->ifaces[VMXNET3].rss_reta[i], i % 2);
}

// ---- a queue that is full ----------------------------------------------------------------------

static void test_a_full_queue_stops_no_other(void **state)
{
	(void)state;
	assert_true(nics[IXGBE].rx.rx_drop_en);
	assert_int_equal(nics[IXGBE].mapped, WORKERS);
	assert_false(nics[ICE].rx.rx_drop_en);
	assert_int_equal(nics[ICE].mapped, 0);
}

// What a queue drops is lost input, of others' counters by queue nothing is known.
static void test_what_it_drops_is_missed(void **state)
{
	struct dp_iface_info info;

	(void)state;
	nics[IXGBE].missed = 3;
	nics[IXGBE].dropped = 5;
	nics[ICE].dropped = 7;
	dp_iface_info(dp, IXGBE, &info);
	assert_int_equal(info.rx_missed, 8);
	assert_int_equal(dp_punt_losses(dp, DP_ALL_IFACES), 8);
}

// ---- the link ----------------------------------------------------------------------------------

static void test_interrupts_of_the_link_unless_they_delay(void **state)
{
	(void)state;
	assert_int_equal(nics[ICE].conf.intr_conf.lsc, 1);
	assert_int_equal(nics[IXGBE].conf.intr_conf.lsc, 0);
	assert_int_equal(nics[ENA].conf.intr_conf.lsc, 0);
}

// ---- queues ------------------------------------------------------------------------------------

static void test_a_power_of_two_where_nothing_else_is_taken(void **state)
{
	(void)state;
	assert_int_equal(nics[VMXNET3].n_rx, 2);
	assert_int_equal(nics[VMXNET3].starts, 1);
	assert_int_equal(nics[ICE].n_rx, WORKERS);
}

static void test_what_is_refused_is_left_out(void **state)
{
	(void)state;
	// All that there is.
	assert_int_equal(nics[ICE].starts, 1);
	assert_int_equal(dp->ifaces[ICE].control_queue, WORKERS);
	assert_true(nics[ICE].conf.intr_conf.rxq);
	// Interrupts; the spare queue stays.
	assert_int_equal(nics[ENA].starts, 2);
	assert_int_equal(dp->ifaces[ENA].control_queue, WORKERS);
	// Interrupts and the spare queue.
	assert_int_equal(nics[IAVF].starts, 4);
	assert_int_equal(dp->ifaces[IAVF].control_queue, -1);
	assert_int_equal(nics[IAVF].n_tx, WORKERS);
	assert_true(nics[IAVF].started);
}

// ---- names and sizes ---------------------------------------------------------------------------

static void test_pci_addresses_in_capitals(void **state)
{
	static const char *const good[] = {"0000:3b:0a.0", "0000:3B:0A.0", "3B:0A.0",
	                                   "0000:3B:0a.0,representor=[0]"};
	uint16_t port;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(good); i++) {
		port = 0;
		assert_int_equal(port_find(good[i], &port), 0);
		assert_int_equal(port, MODEL_NICS - 1);
	}
	assert_true(port_find("0000:3B:0B.0", &port) < 0);
	assert_int_equal(port_find("net_null0", &port), 0);
	assert_true(port_find("NET_NULL0", &port) < 0);
}

static void test_a_long_mtu_is_said_before_the_start(void **state)
{
	(void)state;
	assert_int_equal(nics[ENA].mtu, 9000);
	assert_int_equal(nics[ICE].mtu, 0);
}

// ---- multicast ---------------------------------------------------------------------------------

static struct log log_of_test;
static unsigned log_lines;

static void count_line(void *arg, enum log_level level, const char *line)
{
	(void)level;
	log_lines += strstr(line, arg) != NULL;
}

static bool has_group(unsigned nic, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	struct rte_ether_addr group = {{0x33, 0x33, a, b, c, d}};

	for (unsigned i = 0; i < nics[nic].n_groups; i++)
		if (rte_is_same_ether_addr(&nics[nic].groups[i], &group))
			return true;
	return false;
}

static int addresses(uint16_t iface, const char *one, const char *two)
{
	struct dp_iface_config c = {.mtu = 1500, .up = true};
	const char *const text[2] = {one, two};

	for (unsigned i = 0; i < 2 && text[i]; i++) {
		if (addr_parse(text[i], &c.addresses6[i].address))
			return -1;
		c.addresses6[i].network = prefix_make(&c.addresses6[i].address, 64);
		c.n_addresses6++;
	}
	return dp_iface_set(dp, iface, &c);
}

// Where all multicast was refused, and where it may only be said to be there.
static void test_groups_of_all_addresses_of_a_vf(void **state)
{
	static const unsigned vfs[] = {IAVF, IXGBE_VF};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(vfs); i++) {
		struct dp_vlan_config vlan = {.name = "sub", .port = (uint16_t)vfs[i], .vlan = 7};
		char a[40], b[40], c[40];
		uint16_t sub;

		snprintf(a, sizeof(a), "2001:db8:%u::11:2233", i);
		snprintf(b, sizeof(b), "2001:db8:%u:1::44:5566", i);
		snprintf(c, sizeof(c), "2001:db8:%u:2::77:8899", i);
		assert_int_equal(nics[vfs[i]].n_groups, 2);
		assert_true(has_group(vfs[i], 0, 0, 0, 1) && has_group(vfs[i], 0, 0, 0, 2));
		assert_int_equal(addresses(vlan.port, a, b), 0);
		assert_int_equal(nics[vfs[i]].n_groups, 4);
		assert_true(has_group(vfs[i], 0xff, 0x11, 0x22, 0x33));
		assert_true(has_group(vfs[i], 0xff, 0x44, 0x55, 0x66));
		assert_int_equal(dp_vlan_add(dp, &vlan, &sub), 0);
		assert_int_equal(addresses(sub, c, NULL), 0);
		assert_int_equal(nics[vfs[i]].n_groups, 5);
		assert_true(has_group(vfs[i], 0xff, 0x77, 0x88, 0x99));
		// The same again is no reason to trouble the device.
		assert_int_equal(nics[vfs[i]].lists, 3);
		assert_int_equal(addresses(sub, c, NULL), 0);
		assert_int_equal(nics[vfs[i]].lists, 3);
		dp_vlan_del(dp, sub);
		assert_int_equal(addresses(vlan.port, b, NULL), 0);
		assert_int_equal(nics[vfs[i]].n_groups, 3);
		assert_false(has_group(vfs[i], 0xff, 0x11, 0x22, 0x33));
	}
}

static void test_no_list_beside_all_multicast(void **state)
{
	(void)state;
	assert_int_equal(addresses(ICE, "2001:db8:f::1", NULL), 0);
	assert_int_equal(nics[ICE].lists, 0);
}

static void test_a_vf_that_may_have_neither_is_said_once(void **state)
{
	struct log *before = dp->log;

	(void)state;
	log_of_test = (struct log){.sink = count_line, .arg = "MULTICAST"};
	dp->log = &log_of_test;
	nics[IXGBE_VF].multicast = -EPERM;
	assert_int_equal(addresses(IXGBE_VF, "2001:db8:e::1", NULL), 0);
	assert_int_equal(addresses(IXGBE_VF, "2001:db8:e::2", NULL), 0);
	assert_int_equal(log_lines, 1);
	dp->log = before;
	nics[IXGBE_VF].multicast = 0;
}

// ---- VLANs -------------------------------------------------------------------------------------

static void test_a_vf_asks_for_its_vlans(void **state)
{
	struct dp_vlan_config vlan = {.name = "sub", .port = IXGBE_VF, .vlan = 100};
	uint16_t sub;

	(void)state;
	assert_int_equal(dp_vlan_add(dp, &vlan, &sub), 0);
	assert_true(nics[IXGBE_VF].vlans[100]);
	dp_vlan_del(dp, sub);
	assert_false(nics[IXGBE_VF].vlans[100]);
	// No filter where there was none before.
	vlan.port = ICE;
	assert_int_equal(dp_vlan_add(dp, &vlan, &sub), 0);
	assert_int_equal(nics[ICE].vlan_calls, 0);
	assert_int_equal(nics[ICE].conf.rxmode.offloads, 0);
	dp_vlan_del(dp, sub);
}

static void test_a_vlan_that_is_refused_is_said(void **state)
{
	struct dp_vlan_config vlan = {.name = "sub", .port = IXGBE_VF, .vlan = 101};
	struct log *before = dp->log;
	uint16_t sub;

	(void)state;
	log_of_test = (struct log){.sink = count_line, .arg = "VLAN 101"};
	log_lines = 0;
	dp->log = &log_of_test;
	nics[IXGBE_VF].vlan_filter = -EIO;
	assert_int_equal(dp_vlan_add(dp, &vlan, &sub), 0);
	assert_int_equal(log_lines, 1);
	dp_vlan_del(dp, sub);
	assert_int_equal(log_lines, 1);
	nics[IXGBE_VF].vlan_filter = 0;
	dp->log = before;
}

// ---- a device that is lost; the last tests, since it stays so ----------------------------------

// How many events say that this link went down.
static unsigned downs(uint16_t iface)
{
	struct dp_event events[32];
	unsigned n, down = 0;

	while ((n = dp_events(dp, events, RTE_DIM(events))))
		for (unsigned i = 0; i < n; i++)
			down += events[i].kind == DP_EVENT_LINK && events[i].iface == iface &&
			        !events[i].up;
	return down;
}

static void test_a_vf_that_is_reset_is_down_for_good(void **state)
{
	struct dp_iface_info info;
	struct log *before = dp->log;

	(void)state;
	log_of_test = (struct log){.sink = count_line, .arg = "%PLATFORM-2-RESET"};
	log_lines = 0;
	dp->log = &log_of_test;
	assert_int_equal(downs(IAVF), 0);
	dp_iface_info(dp, IAVF, &info);
	assert_true(info.link_up);
	model_event(dp->ifaces[IAVF].port, RTE_ETH_EVENT_INTR_RESET);
	assert_int_equal(downs(IAVF), 1);
	model_event(dp->ifaces[IAVF].port, RTE_ETH_EVENT_INTR_RESET);
	assert_int_equal(downs(IAVF), 0);
	assert_int_equal(log_lines, 1);
	dp_iface_info(dp, IAVF, &info);
	assert_false(info.link_up);
	dp_iface_info(dp, ICE, &info);
	assert_true(info.link_up);
	model_event(dp->ifaces[ENA].port, RTE_ETH_EVENT_INTR_RMV);
	assert_int_equal(downs(ENA), 1);
	assert_int_equal(log_lines, 2);
	dp->log = before;
}

// What it had lost does not hide what others lose.
static void test_losses_go_on_without_it(void **state)
{
	struct dp_iface_info info;
	uint64_t sum;

	(void)state;
	sum = dp_punt_losses(dp, DP_ALL_IFACES);
	nics[IXGBE_VF].missed += 1000;
	usleep(2 * 1000000 / TICKS_PER_SECOND);
	sum += 1000;
	assert_int_equal(dp_punt_losses(dp, DP_ALL_IFACES), sum);
	model_event(dp->ifaces[IXGBE_VF].port, RTE_ETH_EVENT_INTR_RESET);
	nics[IXGBE_VF].missed = 0;
	nics[ICE].missed += 5;
	usleep(2 * 1000000 / TICKS_PER_SECOND);
	assert_int_equal(dp_punt_losses(dp, DP_ALL_IFACES), sum + 5);
	dp_iface_info(dp, IXGBE_VF, &info);
	assert_int_equal(info.rx_missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_alone_where_a_family_has_a_hash),
		cmocka_unit_test(test_tcp_and_udp_where_a_family_has_none),
		cmocka_unit_test(test_tcp_and_udp_alone),
		cmocka_unit_test(test_a_table_that_is_there_after_the_start),
		cmocka_unit_test(test_a_full_queue_stops_no_other),
		cmocka_unit_test(test_what_it_drops_is_missed),
		cmocka_unit_test(test_interrupts_of_the_link_unless_they_delay),
		cmocka_unit_test(test_a_power_of_two_where_nothing_else_is_taken),
		cmocka_unit_test(test_what_is_refused_is_left_out),
		cmocka_unit_test(test_pci_addresses_in_capitals),
		cmocka_unit_test(test_a_long_mtu_is_said_before_the_start),
		cmocka_unit_test(test_groups_of_all_addresses_of_a_vf),
		cmocka_unit_test(test_no_list_beside_all_multicast),
		cmocka_unit_test(test_a_vf_that_may_have_neither_is_said_once),
		cmocka_unit_test(test_a_vf_asks_for_its_vlans),
		cmocka_unit_test(test_a_vlan_that_is_refused_is_said),
		cmocka_unit_test(test_a_vf_that_is_reset_is_down_for_good),
		cmocka_unit_test(test_losses_go_on_without_it),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
