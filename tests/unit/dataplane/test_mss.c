// The MSS option of SYNs: lowered where an interface says so, never raised, the checksum right
// afterwards, everything else untouched.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gate.h"
#include "mss.h"

// A TCP packet with these options, from interface 0 to interface 1.
static struct rte_mbuf *segment(bool v6, uint8_t flags, const uint8_t *options, uint8_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	uint16_t head = v6 ? 40 : 20, total = (uint16_t)(head + 20 + len + 5);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, total), *tcp = ip + head;

	memset(ip, 0, total);
	if (v6) {
		struct rte_ipv6_hdr *h = (struct rte_ipv6_hdr *)ip;

		h->vtc_flow = rte_cpu_to_be_32(6u << 28);
		h->payload_len = rte_cpu_to_be_16((uint16_t)(20 + len + 5));
		h->proto = IPPROTO_TCP;
		h->hop_limits = 64;
		memset(h->src_addr, 0x20, 16);
		memset(h->dst_addr, 0x21, 16);
	} else {
		*(struct rte_ipv4_hdr *)ip = (struct rte_ipv4_hdr){
			.version_ihl = 0x45,
			.total_length = rte_cpu_to_be_16(total),
			.time_to_live = 64,
			.next_proto_id = IPPROTO_TCP,
			.src_addr = rte_cpu_to_be_32(0x0a010001),
			.dst_addr = rte_cpu_to_be_32(0x0a020001),
		};
	}
	tcp[0] = 0x12;
	tcp[12] = (uint8_t)((20 + len) / 4 << 4);
	tcp[13] = flags;
	memcpy(tcp + 20, options, len);
	memcpy(tcp + 20 + len, "hello", 5);
	*(uint16_t *)(tcp + 16) = v6 ? rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)ip, tcp)
	                             : rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)ip, tcp);
	packet_init(m, 0, 0);
	packet_of(m)->ihl = 20;
	packet_of(m)->out = 1;
	return m;
}

// Runs it through the stage. The MSS at this offset of the options afterwards; the checksum must
// hold, and nothing else may have changed when the MSS has not.
static uint16_t clamped(struct rte_mbuf *m, unsigned offset)
{
	uint8_t before[256], *ip = rte_pktmbuf_mtod(m, uint8_t *);
	bool v6 = ip[0] >> 4 == 6;
	uint8_t *tcp = ip + (v6 ? 40 : 20), *at = tcp + 20 + offset;
	uint16_t len = rte_pktmbuf_data_len(m), old = (uint16_t)(at[0] << 8 | at[1]), mss;

	memcpy(before, ip, len);
	mss_clamp(gate.workers[0], &m, 1);
	mss = (uint16_t)(at[0] << 8 | at[1]);
	if (mss == old)
		assert_memory_equal(before, ip, len);
	else if (v6)
		assert_int_equal(rte_ipv6_udptcp_cksum_verify((struct rte_ipv6_hdr *)ip, tcp), 0);
	else
		assert_int_equal(rte_ipv4_udptcp_cksum_verify((struct rte_ipv4_hdr *)ip, tcp), 0);
	rte_pktmbuf_free(m);
	return mss;
}

static void adjust(unsigned iface, uint16_t mss, uint16_t mss6)
{
	gate.ifaces[iface].mss = mss_pack(mss, mss6);
	mss_watch(&gate);
}

static const uint8_t plain[] = {2, 4, 0x05, 0xb4};                       // 1460
static const uint8_t odd[] = {1, 3, 3, 7, 1, 2, 4, 0x05, 0xb4, 1, 1, 0}; // at an odd offset
static const uint8_t late[] = {4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 2, 4, 0x23, 0x28};

static void off_by_default(void **state)
{
	(void)state;
	assert_int_equal(clamped(segment(false, 2, plain, 4), 2), 1460);
}

static void syns_of_both_sides(void **state)
{
	(void)state;
	adjust(1, 1360, 0);
	assert_int_equal(clamped(segment(false, 0x02, plain, 4), 2), 1360);
	assert_int_equal(clamped(segment(false, 0x12, plain, 4), 2), 1360); // SYN ACK
	assert_int_equal(clamped(segment(false, 0x10, plain, 4), 2), 1460);
	assert_int_equal(clamped(segment(false, 0x02, odd, 12), 7), 1360);
	assert_int_equal(clamped(segment(false, 0x02, late, 16), 14), 1360);
	adjust(1, 0, 0);
	adjust(0, 1360, 0); // the interface it came in on
	assert_int_equal(clamped(segment(false, 0x02, plain, 4), 2), 1360);
}

static void never_raised_and_the_stricter_wins(void **state)
{
	static const uint8_t small[] = {2, 4, 0x02, 0x00}; // 512

	(void)state;
	adjust(0, 1300, 0);
	adjust(1, 1360, 0);
	assert_int_equal(clamped(segment(false, 0x02, plain, 4), 2), 1300);
	assert_int_equal(clamped(segment(false, 0x02, small, 4), 2), 512);
}

static void each_family_has_its_own(void **state)
{
	(void)state;
	adjust(1, 1360, 0);
	assert_int_equal(clamped(segment(true, 0x02, plain, 4), 2), 1460);
	adjust(1, 0, 1280);
	assert_int_equal(clamped(segment(true, 0x02, plain, 4), 2), 1280);
	assert_int_equal(clamped(segment(true, 0x12, odd, 12), 7), 1280);
	assert_int_equal(clamped(segment(false, 0x02, plain, 4), 2), 1460);
}

// Bad options, later fragments, other protocols, cut packets: as they are.
static void what_is_not_ours_stays(void **state)
{
	static const uint8_t zero[] = {3, 0, 2, 4, 0x05, 0xb4, 0, 0}, wrong[] = {2, 8, 0x05, 0xb4},
			     ended[] = {0, 0, 0, 0, 2, 4, 0x05, 0xb4},
			     over[] = {8, 40, 2, 4, 0x05, 0xb4, 0, 0};
	struct rte_mbuf *m;

	(void)state;
	adjust(1, 536, 536);
	assert_int_equal(clamped(segment(false, 0x02, zero, 8), 4), 1460);
	assert_int_equal(clamped(segment(false, 0x02, wrong, 4), 2), 1460);
	assert_int_equal(clamped(segment(false, 0x02, ended, 8), 6), 1460);
	assert_int_equal(clamped(segment(false, 0x02, over, 8), 4), 1460);
	m = segment(false, 0x02, plain, 4);
	packet_ip(m)->fragment_offset = rte_cpu_to_be_16(7);
	assert_int_equal(clamped(m, 2), 1460);
	m = segment(false, 0x02, plain, 4);
	packet_ip(m)->next_proto_id = IPPROTO_UDP;
	assert_int_equal(clamped(m, 2), 1460);
	m = segment(false, 0x02, plain, 4);
	rte_pktmbuf_trim(m, 7); // the header promises more
	assert_int_equal(clamped(m, 0), 0x0204);
	m = segment(true, 0x02, plain, 4);
	rte_pktmbuf_trim(m, 20);
	assert_int_equal(clamped(m, 0), 0x0204);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(off_by_default, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(syns_of_both_sides, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(never_raised_and_the_stricter_wins, gate_start,
	                                        gate_stop),
		cmocka_unit_test_setup_teardown(each_family_has_its_own, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(what_is_not_ours_stays, gate_start, gate_stop),
	};

	return cmocka_run_group_tests_name("mss", tests, eal_start, eal_stop);
}
