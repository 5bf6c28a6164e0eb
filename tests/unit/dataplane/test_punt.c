// Who may fill the ring of the IKE SAs that are known: one of them has a share of it in each tick,
// and what it sends beyond is heard among the strangers'.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../perf/gateway.h"
#include "punt.h"
#include "test_eal.h"

#define SLOTS   2u
#define A_SHARE 512u

static struct gateway g;
static const uint32_t tags[SLOTS] = {0x11223344, 0x55667788};

static int start(void **state)
{
	const struct gateway_config config = {.memory_mb = 192, .mtu = 1500, .max_flows = SLOTS};
	char err[256] = "";

	(void)state;
	if (gateway_start(&g, &config, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		dp_ike_mark(g.dp, i, tags[i]);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	gateway_stop(&g);
	return 0;
}

// An ISAKMP message with a cookie of ours as the responder's.
static void message_of(uint32_t slot)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(g.dp->pool);
	rte_be32_t words[PUNT_IKE_MIN / 4] = {1, 1, rte_cpu_to_be_32(slot),
	                                      rte_cpu_to_be_32(tags[slot])};

	assert_non_null(m);
	packet_init(m, 0, g.worker->now);
	packet_of(m)->payload = 0;
	memcpy(rte_pktmbuf_append(m, sizeof(words)), words, sizeof(words));
	punt_ike(g.worker, m);
}

static unsigned heard(enum dp_punt class)
{
	struct dp_view v;
	unsigned n;

	for (n = 0; dp_punt_recv(g.dp, class, &v, 1); n++)
		dp_punt_release(g.dp, &v, 1);
	return n;
}

static void one_that_sends_too_much(void **state)
{
	uint64_t losses = dp_punt_losses(g.dp, DP_ALL_IFACES);

	(void)state;
	for (unsigned i = 0; i < A_SHARE + 100; i++)
		message_of(0);
	message_of(1);
	assert_int_equal(heard(DP_PUNT_IKE_ESTABLISHED), A_SHARE + 1);
	assert_int_equal(heard(DP_PUNT_IKE_NEW), 100);
	message_of(0); // in the same tick
	assert_int_equal(heard(DP_PUNT_IKE_NEW), 1);
	g.worker->now++;
	message_of(0);
	assert_int_equal(heard(DP_PUNT_IKE_ESTABLISHED), 1);
	assert_int_equal(heard(DP_PUNT_IKE_NEW), 0);
	assert_int_equal(dp_punt_losses(g.dp, DP_ALL_IFACES), losses);
	// What is lost of it for want of room may have been an answer.
	for (unsigned i = 0; i < A_SHARE + 1000; i++)
		message_of(0);
	assert_int_equal(heard(DP_PUNT_IKE_ESTABLISHED), A_SHARE - 1);
	assert_in_range(heard(DP_PUNT_IKE_NEW), 256, 512);
	assert_in_range(dp_punt_losses(g.dp, DP_ALL_IFACES) - losses, 1, 1000 - 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_that_sends_too_much)};

	return cmocka_run_group_tests(tests, start, stop);
}
