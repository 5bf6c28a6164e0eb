// Quick mode as responder: messages 1 and 3 in, 2 out (RFC 2409, 5.5). Control core only. The
// choice goes by our crypto map: flow by the identities, suite by our order.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "child.h"
#include "control.h"
#include "dh_pool.h"
#include "flow.h"
#include "ident.h"
#include "ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "info.h"
#include "natt.h"
#include "node.h"
#include "output.h"
#include "peer.h"
#include "peer_timers.h"
#include "proposal.h"
#include "quick.h"

// Message 1, judged.
struct offer {
	struct selector selector;
	struct flow *flow;
	struct esp_choice choice;
};

// The SPI tells the peer which of its quick modes it is about.
static void refuse(struct control *c, struct ike_sa *sa, const struct quick_message *in,
                   uint16_t notify, const char *why)
{
	const struct isakmp_payload *offer = isakmp_chain_find(&in->chain, ISAKMP_SA, 0);
	uint32_t spi = offer ? proposal_spi(offer->body, offer->len) : 0;
	char text[ADDR_TEXT];

	c->counters.ike_refused++;
	if (output_may_log(c))
		log_msg(&c->log, LOG_WARNING, "CRYPTO", "IKMP_MODE_FAILURE",
		        "Processing of Quick mode failed with peer at %s: %s",
		        addr_format(&sa->peer->remote, text), why);
	info_notify(c, sa, natt_answer_port(sa, in->view), notify, spi);
}

// PFS: the group that our entry demands, or any good one if it demands none.
static bool pfs_fits(uint16_t demanded, const struct esp_choice *choice)
{
	uint16_t proposed = choice->suite.pfs_group;

	if (demanded)
		return proposed == demanded;
	return !proposed ||
	       (dh_supported(proposed) && config_group_usable((uint8_t)proposed, NULL));
}

// A flow and a suite for o->selector. NULL, or why not, with the notify for the peer.
static const char *match(struct control *c, struct ike_sa *sa, const struct isakmp_payload *p,
                         bool only_transport, struct offer *o, uint16_t *notify)
{
	struct esp_suite ours[FLOW_SUITES_MAX];
	unsigned n;

	*notify = NOTIFY_INVALID_ID_INFORMATION;
	o->flow = flow_for_proposal(c, sa->peer, &o->selector);
	if (!o->flow && errno == ENOENT)
		return "no crypto map entry permits its networks";
	*notify = NOTIFY_NO_PROPOSAL_CHOSEN;
	if (!o->flow)
		return "there is no room for another flow of this kind";
	n = flow_suites(o->flow->entry, &o->selector, sa->peer, ours);
	if (only_transport)
		n = flow_suites_transport(ours, n);
	if (proposal_choose_esp(p->body, p->len, ours, n, natt_encap(sa), &o->choice) < 0)
		return "no transform set fits its proposal";
	if (!pfs_fits(ours[o->choice.raw.index].pfs_group, &o->choice))
		return "its PFS group is not the crypto map's";
	return NULL;
}

// In transport mode a NAT shows each side other addresses of the two hosts; those that we see are
// the ones of the packets (RFC 3948, 3.1.2). False: these are no hosts, or what we see already.
static bool as_seen(const struct ike_sa *sa, const struct selector *said, struct selector *seen)
{
	*seen = *said;
	seen->local = prefix_host(&sa->peer->local);
	seen->remote = prefix_host(&sa->peer->remote);
	return natt_encap(sa) == SA_ENCAP_UDP && seen->local.len == said->local.len &&
	       seen->remote.len == said->remote.len && !selector_equal(seen, said);
}

// NULL, or why not, with the notify for the peer.
static const char *judge(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain,
                         struct offer *o, uint16_t *notify)
{
	const struct isakmp_payload *p = isakmp_chain_find(chain, ISAKMP_SA, 0);
	const char *wrong;
	struct offer seen = {0};
	uint16_t ignored;

	*notify = NOTIFY_PAYLOAD_MALFORMED;
	if (!p || isakmp_chain_count(chain, ISAKMP_SA) != 1)
		return "not one SA payload";
	*notify = NOTIFY_INVALID_ID_INFORMATION;
	if (quick_read_ids(sa, false, chain, &o->selector) < 0)
		return "identities that are no networks";
	wrong = match(c, sa, p, false, o, notify);
	if (!wrong || !as_seen(sa, &o->selector, &seen.selector))
		return wrong;
	if (o->flow)
		flow_release(c, o->flow);
	o->flow = NULL;
	if (!match(c, sa, p, true, &seen, &ignored)) {
		*o = seen;
		return NULL;
	}
	if (seen.flow)
		flow_release(c, seen.flow);
	return wrong;
}

static void keep_id(struct exchange_id *id, const struct isakmp_payload *p)
{
	if (!p || p->len > sizeof(id->body))
		return;
	memcpy(id->body, p->body, p->len);
	id->len = (uint8_t)p->len;
}

// Everything of message 1 that message 2 needs. 0 or -errno.
static int keep(struct exchange *x, const struct quick_message *in, const struct offer *o)
{
	const struct proposal_choice *raw = &o->choice.raw;

	x->attributes = malloc(raw->attributes_len ? raw->attributes_len : 1);
	if (!x->attributes)
		return -ENOMEM;
	memcpy(x->attributes, raw->attributes, raw->attributes_len);
	x->attributes_len = raw->attributes_len;
	x->proposal = raw->proposal;
	x->transform = raw->transform;
	x->transform_id = raw->transform_id;
	x->peer_spi = o->choice.spi;
	x->pfs_group = o->choice.suite.pfs_group;
	keep_id(&x->id_i, isakmp_chain_find(&in->chain, ISAKMP_ID, 0));
	keep_id(&x->id_r, isakmp_chain_find(&in->chain, ISAKMP_ID, 1));
	memcpy(x->iv, in->next_iv, sizeof(x->iv));
	memcpy(x->retransmit.request, in->hash, sizeof(in->hash));
	x->retransmit.to_port = natt_answer_port(x->sa, in->view);
	return quick_read_exchange(x, &in->chain);
}

static int make_child(struct control *c, struct exchange *x, const struct offer *o)
{
	struct child *ch = child_create(c, x->sa->peer, o->flow, false);

	if (!ch)
		return -errno;
	ch->suite = o->choice.suite;
	ch->encap = natt_encap(x->sa);
	x->child = ch;
	return 0;
}

// How many quick modes of the peer wait for the helpers.
static unsigned in_dh(const struct peer *p)
{
	const struct exchange *x;
	unsigned n = 0;

	for (const struct ike_sa *sa = p->ike_sas; sa; sa = sa->next)
		for (x = sa->exchanges; x; x = x->next)
			n += x->state == EXCHANGE_R_MAKES_2;
	return n;
}

// May the helpers compute for one more of its quick modes?
static bool dh_is_admitted(const struct control *c, const struct peer *p)
{
	return c->quick_in_dh < ADMIT_AHEAD_QUICK && in_dh(p) < QUICK_MODES_IN_DH;
}

// The exchange, its job for the helpers if there is PFS, its child. 0, or -errno and nothing is
// left: -EAGAIN means that the peer's repetition tries again.
static int begin(struct control *c, struct ike_sa *sa, const struct quick_message *in,
                 const struct offer *o)
{
	struct exchange *x;
	int err;

	if (o->choice.suite.pfs_group && !dh_is_admitted(c, sa->peer)) {
		c->counters.admissions_delayed++;
		return -EAGAIN;
	}
	x = exchange_create(sa, in->header->message_id, false);
	if (!x)
		return -ENOMEM;
	err = keep(x, in, o);
	if (err == 0 && x->pfs_group)
		err = quick_submit(c, x, DH_BOTH);
	c->quick_in_dh += err == 0 && x->pfs_group; // until its result comes, whatever it finds
	if (err == 0)
		err = make_child(c, x, o);
	if (err < 0) {
		exchange_end(c, x);
		return err;
	}
	nonce_make(&x->nonce_r);
	x->state = EXCHANGE_R_MAKES_2;
	retransmit_wait(c, &x->retransmit, sa, ticks_from_seconds(30), quick_gave_up);
	if (!x->pfs_group)
		quick_send_2(c, x);
	return 0;
}

void quick_take_1(struct control *c, struct ike_sa *sa, struct quick_message *in)
{
	struct offer o = {0};
	uint16_t notify;
	const char *wrong;
	int err;

	if (sa->delete_sent || sa->closing || exchange_count(sa, false) >= QUICK_MODES_PER_SA) {
		c->counters.admissions_refused++;
		return;
	}
	ike_debug_line(c, sa, " processing SA payload. message ID = %d",
	               (int32_t)in->header->message_id);
	// First: what ends may be the flow that this one is for.
	if (info_has_initial_contact(c, sa, &in->chain, in->header->message_id))
		on_initial_contact(c, sa);
	wrong = judge(c, sa, &in->chain, &o, &notify);
	if (!wrong && !child_may_be_proposed(c, sa->peer, o.flow)) {
		c->counters.admissions_refused++;
		notify = NOTIFY_NO_PROPOSAL_CHOSEN;
		wrong = "IPsec SA limit reached";
	}
	if (!wrong) {
		ike_debug_line(c, sa, "Checking IPSec proposal %u, transform %u",
		               o.choice.raw.proposal, o.choice.raw.transform);
		ike_debug_line(c, sa, "atts are acceptable.");
		err = begin(c, sa, in, &o);
		if (err == 0)
			return;
		notify = err == -EBADMSG ? NOTIFY_PAYLOAD_MALFORMED : NOTIFY_NO_PROPOSAL_CHOSEN;
		wrong = err == -EAGAIN ? NULL : "it cannot be carried out now";
	}
	if (o.flow)
		flow_release(c, o.flow);
	if (!wrong)
		return;
	// The same message again gets no second judgement.
	node_add(c, sa, in->header->message_id, in->hash, NULL, 0, false);
	refuse(c, sa, in, notify, wrong);
}

static void write_answer(const struct exchange *x, struct isakmp_message *m)
{
	struct esp_choice choice = {
		.suite = x->child->suite,
		.raw =
			{
				.proposal = x->proposal,
				.transform = x->transform,
				.transform_id = x->transform_id,
				.attributes = x->attributes,
				.attributes_len = x->attributes_len,
			},
	};

	proposal_write_esp_answer(m, &choice, x->child->spi_in);
	isakmp_payload_put(m, ISAKMP_NONCE, x->nonce_r.bytes, x->nonce_r.len);
	if (x->pfs_group)
		isakmp_payload_put(m, ISAKMP_KE, x->dh.public_value, x->dh.public_len);
	if (x->id_i.len) {
		isakmp_payload_put(m, ISAKMP_ID, x->id_i.body, x->id_i.len);
		isakmp_payload_put(m, ISAKMP_ID, x->id_r.body, x->id_r.len);
	}
	if (x->child->encap == SA_ENCAP_UDP && x->child->suite.mode == SA_MODE_TRANSPORT)
		natt_write_addresses(x->sa->peer, false, m);
}

void quick_send_2(struct control *c, struct exchange *x)
{
	uint8_t buf[OUTPUT_MESSAGE_MAX];
	struct isakmp_message m;

	// The initiator may use the SA as soon as it has our answer.
	if (quick_install_in(c, x) < 0) {
		info_notify(c, x->sa, x->retransmit.to_port, NOTIFY_NO_PROPOSAL_CHOSEN,
		            x->peer_spi);
		exchange_fail(c, x, "the inbound SA could not be made");
		return;
	}
	quick_begin(x, &m, buf, sizeof(buf));
	write_answer(x, &m);
	if (quick_send(c, x, &m, IKE1_HASH_2, true) < 0) {
		exchange_fail(c, x, "message 2 of quick mode could not be made");
		return;
	}
	x->state = EXCHANGE_R_SENT_2;
	ike_debug_event(c, x->sa, "IKE_MSG_FROM_PEER", "IKE_QM_EXCH");
}

void quick_take_3(struct control *c, struct exchange *x, struct quick_message *in)
{
	memcpy(x->message_hash, in->hash, sizeof(x->message_hash));
	natt_follow(c, x->sa, in->view);
	if (quick_install_out(c, x) < 0) {
		ike1_delete_child(c, x->sa, x->child);
		exchange_fail(c, x, "the outbound SA could not be made");
		return;
	}
	quick_done(c, x, NULL, 0);
}
