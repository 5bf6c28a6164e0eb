// Sending IKE messages. Control core only. Must not build or judge messages.
#include "output.h"

#include <errno.h>
#include <string.h>

#include "control.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "node.h"
#include "peer.h"

// Unauthenticated answers and log lines about strangers' messages, each a second.
#define REPLIES_PER_SECOND 10
#define LOGS_PER_SECOND    5

#define REPEATS_MOST 32 // of an answer

struct dp_datagram output_datagram(const struct ike_sa *sa, const uint8_t *message, uint16_t len)
{
	return (struct dp_datagram){
		.src = sa->peer->local,
		.dst = sa->peer->remote,
		.src_port = sa->local_port,
		.dst_port = sa->remote_port,
		.marker = sa->local_port == ISAKMP_PORT_NAT,
		.data = message,
		.len = len,
	};
}

int output_send(struct control *c, const struct ike_sa *sa, const uint8_t *message, uint16_t len)
{
	return output_send_to(c, sa, 0, message, len);
}

int output_send_to(struct control *c, const struct ike_sa *sa, uint16_t port,
                   const uint8_t *message, uint16_t len)
{
	struct dp_datagram d = output_datagram(sa, message, len);
	int err;

	if (port)
		d.dst_port = port;
	c->counters.ike_out++;
	ike_debug_sending(c, sa);
	err = dp_datagram_send(c->dp, &d);
	c->counters.ike_unsent += err == -EAGAIN;
	return err;
}

bool output_repeat(struct control *c, struct ike_sa *sa, uint16_t port, uint32_t message_id,
                   const uint8_t hash[IKE_NODE_HASH])
{
	struct ike_node *n = node_find(c, sa, message_id);

	if (!n)
		return false;
	c->counters.ike_duplicates++;
	if (n->answer && memcmp(n->hash, hash, IKE_NODE_HASH) == 0 && n->repeats < REPEATS_MOST &&
	    ++n->repeats)
		output_send_to(c, sa, port, n->answer, n->answer_len);
	return true;
}

void output_reply(struct control *c, const struct dp_view *v, const uint8_t *message, uint16_t len)
{
	struct dp_datagram d = {
		.src = v->dst,
		.dst = v->src,
		.src_port = v->dst_port,
		.dst_port = v->src_port,
		.marker = v->marker,
		.data = message,
		.len = len,
	};

	c->counters.ike_out++;
	dp_datagram_send(c->dp, &d);
}

static bool rate_take(struct ike_rate *r, tick_t now, unsigned per_second)
{
	if (!r->count || now - r->since >= TICKS_PER_SECOND) { // however long ago
		r->since = now;
		r->count = 0;
	}
	return r->count < per_second && ++r->count;
}

bool output_may_reply(struct control *c)
{
	return rate_take(&c->ike_replies, c->now, REPLIES_PER_SECOND);
}

bool output_may_log(struct control *c)
{
	return rate_take(&c->ike_logs, c->now, LOGS_PER_SECOND);
}
