// Answers to ICMP echoes of the gateway's own. [W] They are told from others by a random
// identifier; anybody may send such packets, so a bounded number a tick is told.
#include "echo.h"

#include "bytes.h"
#include "dp_internal.h"
#include "icmp6.h"

#define ICMP_ECHO_REPLY 0
#define ICMP_HEADER     8

static bool token_take(struct worker *w)
{
	if (w->echo_filled != w->now) {
		w->echo_filled = w->now;
		w->echo_told = 0;
	}
	return w->echo_told++ < ECHO_ANSWERS_A_TICK;
}

// Tells control, if the message answers an echo of ours.
static bool tell(struct worker *w, const uint8_t *icmp, size_t len, uint8_t type,
                 struct dp_event *event)
{
	uint32_t id = __atomic_load_n(&w->dp->echo_id, __ATOMIC_RELAXED);

	if (len < ICMP_HEADER || icmp[0] != type || icmp[1] != 0 || !id ||
	    bytes_get_u16(icmp + 4) != (uint16_t)id)
		return false;
	event->port = bytes_get_u16(icmp + 6);
	if (token_take(w))
		(void)worker_event(w, event); // a lost one is an echo that was not answered
	worker_count(w, COUNT_LOCAL_ANSWER);
	return true;
}

bool echo_answered(struct worker *w, struct rte_mbuf *m, const uint8_t *icmp, size_t len)
{
	struct dp_event event = {.kind = DP_EVENT_ECHO, .addr.family = 4, .local.family = 4};

	memcpy(event.addr.bytes, &packet_ip(m)->src_addr, 4);
	memcpy(event.local.bytes, &packet_ip(m)->dst_addr, 4);
	if (rte_raw_cksum(icmp, len) != 0xffff || !tell(w, icmp, len, ICMP_ECHO_REPLY, &event))
		return false;
	rte_pktmbuf_free(m);
	return true;
}

bool echo_answered6(struct worker *w, struct rte_mbuf *m, const uint8_t *icmp, size_t len)
{
	struct dp_event event = {.kind = DP_EVENT_ECHO, .addr.family = 6, .local.family = 6};

	memcpy(event.addr.bytes, packet_ip6(m)->src_addr, 16);
	memcpy(event.local.bytes, packet_ip6(m)->dst_addr, 16);
	if (!tell(w, icmp, len, ICMP6_ECHO_REPLY, &event))
		return false;
	rte_pktmbuf_free(m);
	return true;
}
