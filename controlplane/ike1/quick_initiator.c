// Quick mode as initiator: messages 1 and 3 out, 2 in (RFC 2409, 5.5). Control core only.
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "control.h"
#include "ident.h"
#include "ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "info.h"
#include "natt.h"
#include "notify.h"
#include "output.h"
#include "peer.h"
#include "peer_timers.h"
#include "proposal.h"
#include "quick.h"

#define DH_RETRY ticks_from_ms(100)

// What the entry's transform sets allow, copied: the configuration may change meanwhile. False:
// nothing for this traffic.
static bool offer(struct control *c, struct exchange *x)
{
	const struct flow *f = x->child->flow;
	const struct crypto_entry *e = f->entry;

	x->n_offered = flow_suites(e, &f->selector, x->sa->peer, x->offered);
	if (x->plain || x->sa->peer->no_esn)
		x->n_offered = flow_suites_without_esn(x->offered, x->n_offered);
	x->pfs_group = x->n_offered ? x->offered[0].pfs_group : 0;
	if (!x->n_offered && output_may_log(c))
		log_msg(&c->log, LOG_WARNING, "IPSEC", "TRANSPORT",
		        "Crypto map %s %u: its transform sets require transport mode, and access "
		        "list line %u is not between the two gateways",
		        e->map_name, e->sequence, f->line);
	return x->n_offered;
}

// Whether RFC 3947, 5.2 wants both sides' addresses in message 1.
static bool offers_udp_transport(const struct exchange *x)
{
	if (x->child->encap != SA_ENCAP_UDP)
		return false;
	for (unsigned i = 0; i < x->n_offered; i++)
		if (x->offered[i].mode == SA_MODE_TRANSPORT)
			return true;
	return false;
}

static void make_key(struct control *c, struct exchange *x);

static void make_key_again(struct control *c, struct retransmit *r)
{
	make_key(c, container_of(r, struct exchange, retransmit));
}

// With PFS: our key, as soon as a helper is free.
static void make_key(struct control *c, struct exchange *x)
{
	if (quick_submit(c, x, DH_GENERATE) < 0)
		retransmit_wait(c, &x->retransmit, x->sa, DH_RETRY, make_key_again);
	else
		retransmit_wait(c, &x->retransmit, x->sa, ticks_from_seconds(30), quick_gave_up);
}

static int initiate(struct control *c, struct ike_sa *sa, struct child *ch, bool plain)
{
	struct exchange *x;
	int err;

	if (!ike_sa_is_established(sa) || !ch->flow || !ch->flow->entry->n_suites)
		return -EINVAL;
	x = exchange_create(sa, exchange_new_id(c, sa), true);
	if (!x)
		return -ENOMEM;
	x->child = ch;
	x->plain = plain;
	err = offer(c, x) ? keymat_phase2_iv(c->crypto, &sa->suite, &sa->keys, x->message_id, x->iv)
	                  : -ENOTSUP;
	if (err < 0) {
		exchange_end(c, x);
		return err;
	}
	ch->encap = natt_encap(sa);
	nonce_make(&x->nonce_i);
	ike_debug_line(c, sa, "beginning Quick Mode exchange, M-ID of %d", (int32_t)x->message_id);
	ike_debug_node_new(c, sa, x->message_id);
	x->state = EXCHANGE_I_MAKES_1;
	if (x->pfs_group)
		make_key(c, x);
	else
		quick_send_1(c, x);
	return 0;
}

int ike1_quick_initiate(struct control *c, struct ike_sa *sa, struct child *ch)
{
	return initiate(c, sa, ch, false);
}

static bool offers_esn(const struct exchange *x)
{
	for (unsigned i = 0; i < x->n_offered; i++)
		if (x->offered[i].esn)
			return true;
	return false;
}

// libreswan knows no such attribute, and refuses the whole SA payload because of it instead of
// passing the transform over (RFC 2408, 4.2).
bool quick_offer_again(struct control *c, struct exchange *x, uint16_t refusal)
{
	struct ike_sa *sa = peer_ike_sa(x->sa->peer);
	struct child *ch = x->child;

	if ((refusal != NOTIFY_BAD_PROPOSAL_SYNTAX && refusal != NOTIFY_ATTRIBUTES_NOT_SUPPORTED &&
	     refusal != NOTIFY_NO_PROPOSAL_CHOSEN) ||
	    x->state != EXCHANGE_I_SENT_1 || !sa || !offers_esn(x))
		return false;
	ike_debug_line(c, sa, "the peer says %s: offered again without extended sequence numbers",
	               isakmp_notify_name(refusal));
	ike_debug_node_delete(c, x->sa, x->message_id, true, isakmp_notify_name(refusal));
	exchange_end(c, x);
	if (initiate(c, sa, ch, true) < 0)
		child_failed(c, ch, "quick mode could not be started");
	return true;
}

static void is_late(struct control *c, struct retransmit *r)
{
	child_is_late(c, container_of(r, struct exchange, retransmit)->child);
}

void quick_send_1(struct control *c, struct exchange *x)
{
	uint8_t buf[OUTPUT_MESSAGE_MAX];
	struct isakmp_message m;

	quick_begin(x, &m, buf, sizeof(buf));
	proposal_write_esp(&m, x->offered, x->n_offered, x->child->encap, x->child->spi_in);
	isakmp_payload_put(&m, ISAKMP_NONCE, x->nonce_i.bytes, x->nonce_i.len);
	if (x->pfs_group)
		isakmp_payload_put(&m, ISAKMP_KE, x->dh.public_value, x->dh.public_len);
	ident_write_selector(&m, &x->child->flow->selector, true);
	if (offers_udp_transport(x))
		natt_write_addresses(x->sa->peer, true, &m);
	if (quick_send(c, x, &m, IKE1_HASH_1, true) < 0) {
		exchange_fail(c, x, "message 1 of quick mode could not be made");
		return;
	}
	x->retransmit.repeated = is_late;
	x->state = EXCHANGE_I_SENT_1;
	ike_debug_event(c, x->sa, "IKE_MSG_INTERNAL", "IKE_INIT_QM");
}

// RESPONDER-LIFETIME (RFC 2407, 4.6.3.1): the peer ends it earlier than we offered.
static void take_lifetime(struct esp_suite *s, const struct isakmp_chain *chain)
{
	const struct isakmp_payload *p;
	uint32_t seconds, kilobytes;
	struct isakmp_notify n;

	for (unsigned i = 0; (p = isakmp_chain_find(chain, ISAKMP_NOTIFY, i)); i++) {
		if (notify_read(p, &n) < 0 || n.type != NOTIFY_RESPONDER_LIFETIME ||
		    n.protocol != ISAKMP_PROTO_ESP ||
		    notify_read_lifetime(&n, &seconds, &kilobytes) < 0)
			continue;
		if (seconds && seconds < s->lifetime_seconds)
			s->lifetime_seconds = seconds;
		if (kilobytes && (!s->lifetime_kilobytes || kilobytes < s->lifetime_kilobytes))
			s->lifetime_kilobytes = kilobytes;
	}
}

// Whether message 2 is about the traffic of message 1. In transport mode a responder behind or
// beyond a NAT may name the addresses that it sees.
static bool same_traffic(const struct selector *a, const struct selector *b, bool udp_transport)
{
	struct selector as_seen = *a;

	if (udp_transport && a->local.len == b->local.len && a->remote.len == b->remote.len) {
		as_seen.local = b->local;
		as_seen.remote = b->remote;
	}
	return selector_equal(&as_seen, b);
}

// Whether message 2 answers what we asked. NULL, or what is wrong.
static const char *check_2(struct exchange *x, const struct quick_message *in)
{
	const struct isakmp_payload *p = isakmp_chain_find(&in->chain, ISAKMP_SA, 0);
	bool udp = x->child->encap == SA_ENCAP_UDP;
	struct esp_choice choice;
	struct selector s;

	if (!p || isakmp_chain_count(&in->chain, ISAKMP_SA) != 1)
		return "no SA payload in message 2 of quick mode";
	if (proposal_accept_esp(p->body, p->len, x->offered, x->n_offered, x->child->encap,
	                        &choice) < 0)
		return "the answer is none of what was offered";
	if (quick_read_exchange(x, &in->chain) < 0)
		return "nonce or key exchange of message 2 of quick mode";
	if (quick_read_ids(x->sa, true, &in->chain, &s) < 0 ||
	    !same_traffic(&x->child->flow->selector, &s,
	                  udp && choice.suite.mode == SA_MODE_TRANSPORT))
		return "the answer is about other networks";
	x->child->suite = choice.suite;
	x->peer_spi = choice.spi;
	take_lifetime(&x->child->suite, &in->chain);
	return NULL;
}

void quick_take_2(struct control *c, struct exchange *x, struct quick_message *in)
{
	const char *wrong;

	ike_debug_line(c, x->sa, " processing SA payload. message ID = %d", (int32_t)x->message_id);
	wrong = check_2(x, in);
	if (wrong) {
		info_notify(c, x->sa, 0, NOTIFY_NO_PROPOSAL_CHOSEN, x->child->spi_in);
		exchange_fail(c, x, wrong);
		return;
	}
	if (x->plain)
		x->sa->peer->no_esn = true;
	if (x->pfs_group && quick_submit(c, x, DH_SHARED) < 0)
		return; // busy: our retransmission makes the peer answer again
	ike_debug_line(c, x->sa, "atts are acceptable.");
	natt_follow(c, x->sa, in->view);
	memcpy(x->iv, in->next_iv, sizeof(x->iv));
	memcpy(x->message_hash, in->hash, sizeof(x->message_hash));
	x->state = EXCHANGE_I_MAKES_3;
	retransmit_pause(c, &x->retransmit);
	// This exchange and its child stay, as the child is still being negotiated.
	if (info_has_initial_contact(c, x->sa, &in->chain, x->message_id))
		on_initial_contact(c, x->sa);
	if (!x->pfs_group)
		quick_send_3(c, x);
}

void quick_send_3(struct control *c, struct exchange *x)
{
	uint8_t buf[INFO_MESSAGE_MAX];
	struct isakmp_message m;
	int len;

	if (quick_install_in(c, x) < 0 || quick_install_out(c, x) < 0) {
		info_notify(c, x->sa, 0, NOTIFY_NO_PROPOSAL_CHOSEN, x->child->spi_in);
		exchange_fail(c, x, "the SAs could not be made");
		return;
	}
	quick_begin(x, &m, buf, sizeof(buf));
	len = quick_send(c, x, &m, IKE1_HASH_3, false);
	if (len < 0) {
		exchange_fail(c, x, "message 3 of quick mode could not be made");
		return;
	}
	quick_done(c, x, buf, (uint16_t)len);
}
