// DPD messages of IKEv1 (RFC 3706). Control core only. Must not decide when a peer is dead, only
// which message proves what: a repeated sequence is answered and proves nothing.
#include "dpd_message.h"

#include "control.h"
#include "ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "peer.h"

int ike1_probe(struct control *c, struct ike_sa *sa, const char *timer)
{
	struct info_message im;
	int err;

	// Each probe is one higher, retries too: some peers do not answer a number twice.
	info_begin(c, sa, &im);
	notify_write_dpd(&im.m, NOTIFY_R_U_THERE, sa->cookie_i, sa->cookie_r, sa->dpd_next);
	sa->dpd_next++;
	if (sa->dpd_outstanding < UINT8_MAX)
		sa->dpd_outstanding++;
	else
		sa->dpd_run_first++;
	err = info_send(c, sa, &im);
	ike_debug_event(c, sa, "IKE_MSG_FROM_TIMER", timer);
	return err;
}

// The keys of IKEv1 are the same in both directions, so what we sent can be sent back to us and is
// authentic: a number that we have used proves nothing. One of the newest run must not be answered
// either, or the answer could be sent back as well. Older ones are: the peer's own numbers, as
// random as ours, may have come to be among them, and an answer to what is no longer asked proves
// nothing.
static bool is_of_our_run(const struct ike_sa *sa, uint32_t sequence)
{
	return sequence - sa->dpd_run_first < sa->dpd_next - sa->dpd_run_first;
}

static bool is_new_hello(const struct ike_sa *sa, uint32_t sequence)
{
	return sequence - sa->dpd_first >= sa->dpd_next - sa->dpd_first &&
	       (!sa->dpd_in_valid || sequence > sa->dpd_in_highest);
}

enum dpd_news dpd_message_hello(struct control *c, struct ike_sa *sa, const struct isakmp_notify *n,
                                uint16_t port, struct info_message *answer)
{
	enum dpd_news news = DPD_NEWS_NONE;
	uint32_t sequence;

	answer->len = 0;
	if (notify_read_dpd(n, sa->cookie_i, sa->cookie_r, &sequence) < 0) {
		c->counters.ike_malformed++;
		return news;
	}
	if (is_of_our_run(sa, sequence)) {
		c->counters.ike_unauthentic++;
		return news;
	}
	ike_debug_dpd(c, sa, "R_U_THERE", sequence);
	if (is_new_hello(sa, sequence)) {
		sa->dpd_in_valid = true;
		sa->dpd_in_highest = sequence;
		news = DPD_NEWS_HELLO;
	}
	c->counters.probes_answered++;
	info_begin(c, sa, answer);
	answer->to_port = port;
	notify_write_dpd(&answer->m, NOTIFY_R_U_THERE_ACK, sa->cookie_i, sa->cookie_r, sequence);
	info_send(c, sa, answer);
	return news;
}

// What answers none of our questions, or one that has long been answered otherwise: somebody may
// have held it back.
static bool is_stale(const struct control *c, const struct ike_sa *sa, uint32_t sequence)
{
	const struct peer *p = sa->peer;

	return sequence - sa->dpd_run_first >= sa->dpd_outstanding ||
	       (p->dpd.state == DPD_CALM && c->now - p->dpd.window_start > p->dpd_config.retry);
}

enum dpd_news dpd_message_ack(struct control *c, struct ike_sa *sa, const struct isakmp_notify *n)
{
	uint32_t sequence;

	if (notify_read_dpd(n, sa->cookie_i, sa->cookie_r, &sequence) < 0) {
		c->counters.ike_malformed++;
		return DPD_NEWS_NONE;
	}
	ike_debug_dpd(c, sa, "R_U_THERE_ACK", sequence);
	if (is_stale(c, sa, sequence)) {
		c->counters.acks_stale++;
		return DPD_NEWS_NONE;
	}
	sa->dpd_outstanding = 0;
	return DPD_NEWS_ACK;
}
