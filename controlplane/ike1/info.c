// Informational exchanges (RFC 2409, 5.7). Control core only. What comes in clear is never
// believed; at most it shortens a negotiation that has no answer yet.
#include "info.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "bytes.h"
#include "child.h"
#include "child_ends.h"
#include "child_spis.h"
#include "control.h"
#include "dpd_message.h"
#include "exchange.h"
#include "handshake.h"
#include "ike1.h"
#include "ike1_message.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "natt.h"
#include "node.h"
#include "notify.h"
#include "outbox.h"
#include "output.h"
#include "peer.h"
#include "peer_timers.h"
#include "quick.h"

#define SETTLED_AFTER ticks_from_seconds(5)
// An error about a message 3 that was repeated comes within this.
#define THIRD_REFUSED ticks_from_seconds(3)

void info_begin(struct control *c, struct ike_sa *sa, struct info_message *im)
{
	struct isakmp_header h = {
		.version = ISAKMP_VERSION_1,
		.exchange = ISAKMP_EXCHANGE_INFO,
		.flags = ISAKMP_FLAG_ENCRYPTED,
		.message_id = exchange_new_id(c, sa),
	};

	memcpy(h.cookie_i, sa->cookie_i, sizeof(h.cookie_i));
	memcpy(h.cookie_r, sa->cookie_r, sizeof(h.cookie_r));
	im->message_id = h.message_id;
	im->len = im->to_port = 0;
	ike1_message_begin(&im->m, im->buf, sizeof(im->buf), &h, &sa->suite);
}

static int seal(struct control *c, struct ike_sa *sa, struct info_message *im)
{
	uint8_t iv[IKE_BLOCK_MAX];
	int len = keymat_phase2_iv(c->crypto, &sa->suite, &sa->keys, im->message_id, iv);

	if (len == 0)
		len = ike1_message_seal_hashed(c->crypto, &sa->suite, &sa->keys, iv, IKE1_HASH_1,
		                               NULL, &im->m);
	if (len < 0)
		return len;
	im->len = (uint16_t)len;
	return 0;
}

static int transmit(struct control *c, struct ike_sa *sa, struct info_message *im)
{
	int err;

	ike_debug_node_new(c, sa, im->message_id);
	err = output_send_to(c, sa, im->to_port, im->buf, im->len);
	ike_debug_node_purge(c, sa, im->message_id);
	return err;
}

int info_send(struct control *c, struct ike_sa *sa, struct info_message *im)
{
	int err = seal(c, sa, im);

	return err ? err : transmit(c, sa, im);
}

void info_notify(struct control *c, struct ike_sa *sa, uint16_t port, uint16_t type, uint32_t spi)
{
	struct info_message im;

	ike_debug_line(c, sa, " sending NOTIFY %s protocol %u spi 0x%X", isakmp_notify_name(type),
	               spi ? ISAKMP_PROTO_ESP : ISAKMP_PROTO_ISAKMP, spi);
	info_begin(c, sa, &im);
	im.to_port = port;
	notify_write_plain(&im.m, type, spi);
	info_send(c, sa, &im);
}

// Behind those that wait: who reads the IKE SA's Delete first cannot read its children's any more.
static void send_delete(struct control *c, struct ike_sa *sa, struct info_message *im)
{
	if (seal(c, sa, im) < 0)
		return;
	if (c->outbox.n)
		c->counters.ike_unsent++; // as if it had been tried
	else if (transmit(c, sa, im) != -EAGAIN)
		return;
	outbox_keep(c, sa, im->buf, im->len);
}

void ike1_delete_spi(struct control *c, struct ike_sa *sa, uint32_t spi)
{
	struct info_message im;

	if (!ike_sa_is_established(sa))
		return;
	info_begin(c, sa, &im);
	delete_write_esp(&im.m, spi);
	send_delete(c, sa, &im);
}

void ike1_delete_child(struct control *c, struct ike_sa *sa, const struct child *ch)
{
	ike1_delete_spi(c, sa, ch->spi_in);
}

static void delete_some(struct control *c, struct ike_sa *sa, const uint32_t *spis, unsigned n)
{
	struct info_message im;

	if (!n)
		return;
	info_begin(c, sa, &im);
	delete_write_esps(&im.m, spis, n);
	send_delete(c, sa, &im);
}

void ike1_delete_children(struct control *c, struct ike_sa *sa)
{
	uint32_t spis[DELETE_SPIS_MAX];
	const struct child *ch;
	unsigned n = 0;

	if (!ike_sa_is_established(sa))
		return;
	for (ch = sa->peer->children; ch; ch = ch->next) {
		if (ch->state == CHILD_NEGOTIATING)
			continue;
		spis[n++] = ch->spi_in;
		if (n == DELETE_SPIS_MAX) {
			delete_some(c, sa, spis, n);
			n = 0;
		}
	}
	delete_some(c, sa, spis, n);
}

void ike1_delete_sa(struct control *c, struct ike_sa *sa)
{
	struct info_message im;

	if (!ike_sa_is_established(sa) || sa->delete_sent)
		return;
	sa->delete_sent = true;
	info_begin(c, sa, &im);
	delete_write_sa(&im.m, sa->cookie_i, sa->cookie_r);
	send_delete(c, sa, &im);
}

void info_refuse_stranger(struct control *c, const struct dp_view *v, const struct isakmp_header *h,
                          uint16_t type)
{
	uint8_t buf[INFO_MESSAGE_MAX];
	struct isakmp_message m;
	struct isakmp_header answer = {
		.version = ISAKMP_VERSION_1,
		.exchange = ISAKMP_EXCHANGE_INFO,
	};
	size_t len;

	memcpy(answer.cookie_i, h->cookie_i, sizeof(answer.cookie_i));
	memcpy(answer.cookie_r, h->cookie_r, sizeof(answer.cookie_r));
	isakmp_message_begin(&m, buf, sizeof(buf), &answer);
	notify_write_plain(&m, type, 0);
	len = isakmp_message_end(&m);
	if (len && len <= v->len && output_may_reply(c))
		output_reply(c, v, buf, (uint16_t)len);
}

// ---- receiving

bool info_has_initial_contact(struct control *c, const struct ike_sa *sa,
                              const struct isakmp_chain *chain, uint32_t message_id)
{
	const struct isakmp_payload *p;
	struct isakmp_notify n;

	for (unsigned i = 0; (p = isakmp_chain_find(chain, ISAKMP_NOTIFY, i)); i++)
		if (notify_read(p, &n) == 0 && n.type == NOTIFY_INITIAL_CONTACT) {
			ike_debug_notify(c, sa, "INITIAL_CONTACT", message_id);
			return true;
		}
	return false;
}

static void take_lifetime(struct control *c, struct ike_sa *sa, const struct isakmp_notify *n)
{
	uint32_t seconds, kilobytes;

	if (n->type != NOTIFY_RESPONDER_LIFETIME ||
	    !notify_is_about(n, sa->cookie_i, sa->cookie_r) ||
	    notify_read_lifetime(n, &seconds, &kilobytes) < 0)
		return;
	ike_debug_line(c, sa, "the peer says that the IKE SA lives for %u seconds", seconds);
	on_ike_lifetime(c, sa, seconds);
}

void info_take_lifetime(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain)
{
	const struct isakmp_payload *p;
	struct isakmp_notify n;

	for (unsigned i = 0; (p = isakmp_chain_find(chain, ISAKMP_NOTIFY, i)); i++)
		if (notify_read(p, &n) == 0)
			take_lifetime(c, sa, &n);
}

// What processing one authentic message has found; carried out when all of it was read, since it
// may end the IKE SA.
struct info_news {
	enum dpd_news dpd;
	bool initial_contact;
	bool delete_sa;
	uint16_t answer_port;                     // as natt_answer_port() says
	struct info_message answer;               // to an R-U-THERE; len 0 = none
	unsigned n_deleted;                       // ESP SPIs that the peer does not have any more
	uint32_t deleted[ISAKMP_MESSAGE_MAX / 4]; // more cannot lie in a message
	unsigned n_invalid;                       // ... that it says it does not know
	uint32_t invalid[ISAKMP_PAYLOADS_MAX];
};

// The SPI of an ESP SA that it is about; 0: none.
static uint32_t esp_spi_of(const struct isakmp_notify *n)
{
	return n->protocol == ISAKMP_PROTO_ESP && n->spi_len == 4 ? bytes_get_u32(n->spi) : 0;
}

// An error about one of our quick modes. Without an SPI (strongSwan, and whoever has not come so
// far as to read it) it may be about any, and may be a copy from earlier: then none of them is
// waited for as long.
static void take_error(struct control *c, struct ike_sa *sa, uint16_t type, uint32_t spi)
{
	struct exchange *x, *next;
	char why[64];

	// Of a message 3 whose exchange it has forgotten (strongSwan), complete or not. All that it
	// may be about are found by a walk over all children, so not for each of many.
	if (!spi && type == NOTIFY_PAYLOAD_MALFORMED && sa->third_again &&
	    tick_diff(c->now, sa->third_again) < (int32_t)THIRD_REFUSED) {
		if (sa->third_refused == c->now)
			return;
		sa->third_refused = c->now;
		redo_unheard(c, sa->peer);
		return;
	}
	snprintf(why, sizeof(why), "the peer says %s", isakmp_notify_name(type));
	for (x = sa->exchanges; x; x = next) {
		next = x->next;
		if (!x->initiator || x->state != EXCHANGE_I_SENT_1)
			continue;
		if (!spi) {
			x->refused = type;
			retransmit_hurry(&x->retransmit);
			child_is_late(c, x->child);
		} else if (x->child->spi_in == spi) {
			if (!quick_offer_again(c, x, type))
				exchange_fail(c, x, why);
			return;
		}
	}
}

// Not so new that the peer, who may still await our last message about it, will have it.
static bool is_settled(const struct control *c, const struct child *ch)
{
	return c->now - ch->created >= SETTLED_AFTER;
}

static void take_notify(struct control *c, struct ike_sa *sa, const struct isakmp_payload *p,
                        uint32_t message_id, struct info_news *news)
{
	struct isakmp_notify n;

	if (notify_read(p, &n) < 0) {
		c->counters.ike_malformed++;
		return;
	}
	ike_debug_notify(c, sa, isakmp_notify_name(n.type), message_id);
	switch (n.type) {
	case NOTIFY_R_U_THERE:
		if (!news->answer.len)
			news->dpd = dpd_message_hello(c, sa, &n, news->answer_port, &news->answer);
		break;
	case NOTIFY_R_U_THERE_ACK:
		if (dpd_message_ack(c, sa, &n) == DPD_NEWS_ACK)
			news->dpd = DPD_NEWS_ACK;
		break;
	case NOTIFY_INITIAL_CONTACT:
		news->initial_contact = true;
		break;
	case NOTIFY_RESPONDER_LIFETIME:
		take_lifetime(c, sa, &n);
		break;
	case NOTIFY_INVALID_SPI:
		if (esp_spi_of(&n))
			news->invalid[news->n_invalid++] = esp_spi_of(&n);
		else
			take_error(c, sa, n.type, 0);
		break;
	default:
		if (n.type < NOTIFY_CONNECTED)
			take_error(c, sa, n.type, esp_spi_of(&n));
	}
}

// Of the peer's children with an SPI one that has not been told to end yet; `settled`: no new ones.
// *known is set if there is any, and else stays what it is.
static struct child *lost_child(const struct control *c, const struct peer *p, uint32_t spi,
                                bool settled, bool *known)
{
	struct child *ch = NULL;

	while ((ch = child_spis_next(c, p, spi, ch))) {
		if (ch->state < CHILD_INBOUND || (settled && !is_settled(c, ch)))
			continue;
		*known = true;
		if (!ch->ending)
			return ch;
	}
	return NULL;
}

// What the peer does not have any more. False: it is no child's.
static bool end_spi(struct control *c, struct ike_sa *sa, uint32_t spi, bool settled,
                    unsigned *at_once)
{
	bool known = false;
	struct child *ch;

	while ((ch = lost_child(c, sa->peer, spi, settled, &known))) {
		ike_debug_line(c, sa, " processing DELETE of ESP SPI 0x%X: ours is deleted too",
		               spi);
		child_ends_add(c, ch, false, "deleted by the peer", at_once);
	}
	return known;
}

// All that a message names, each found by its SPI: it may name some 2000, and the peer may have
// thousands. What it does not know and is no child's may be a quick mode's of ours.
static void delete_esp(struct control *c, struct ike_sa *sa, const struct info_news *news)
{
	struct handle self = slab_handle(sa);
	unsigned n = 0, at_once = ENDS_AT_A_TIME;

	for (unsigned i = 0; i < news->n_deleted && slab_get(&c->ike_sas, self) == sa; i++) {
		child_spis_peek(c, sa->peer, &news->deleted[i], news->n_deleted - i);
		n += end_spi(c, sa, news->deleted[i], false, &at_once);
	}
	if (n < news->n_deleted)
		ike_debug_line(c, sa, " processing DELETE: %u of %u ESP SPIs are known", n,
		               news->n_deleted);
	for (unsigned i = 0; i < news->n_invalid && slab_get(&c->ike_sas, self) == sa; i++)
		if (!end_spi(c, sa, news->invalid[i], true, &at_once))
			take_error(c, sa, NOTIFY_INVALID_SPI, news->invalid[i]);
}

// A Delete may name an older IKE SA of the same peer.
static void delete_named_sa(struct control *c, struct ike_sa *sa, const struct isakmp_delete *d,
                            unsigned nth, struct info_news *news)
{
	struct ike_sa *other;

	if (delete_names_cookies(d, nth, sa->cookie_i, sa->cookie_r)) {
		news->delete_sa = true;
		return;
	}
	for (other = sa->peer->ike_sas; other; other = other->next)
		if (ike_sa_is_established(other) &&
		    delete_names_cookies(d, nth, other->cookie_i, other->cookie_r)) {
			on_ike_ended(c, other);
			return;
		}
}

static void take_delete(struct control *c, struct ike_sa *sa, const struct isakmp_payload *p,
                        struct info_news *news)
{
	struct isakmp_delete d;

	if (delete_read(p, &d) < 0) {
		c->counters.ike_malformed++;
		return;
	}
	for (unsigned i = 0; i < d.count; i++) {
		if (d.protocol == ISAKMP_PROTO_ESP)
			news->deleted[news->n_deleted++] = delete_spi(&d, i);
		else if (d.protocol == ISAKMP_PROTO_ISAKMP)
			delete_named_sa(c, sa, &d, i, news);
	}
}

// Reports what was found. The last of it may end the IKE SA.
static void carry_out(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                      const struct info_news *news)
{
	struct handle h = slab_handle(sa);

	// Its IKE SA's end cannot be a copy either: there is no second one.
	if ((news->dpd != DPD_NEWS_NONE || news->delete_sa) && natt_follow(c, sa, v) &&
	    news->answer.len)
		output_send(c, sa, news->answer.buf, news->answer.len);
	if (news->initial_contact)
		on_initial_contact(c, sa);
	if (news->dpd == DPD_NEWS_ACK)
		on_dpd_ack(c, sa);
	else if (news->dpd == DPD_NEWS_HELLO)
		on_dpd_hello(c, sa);
	if (!news->delete_sa || slab_get(&c->ike_sas, h) != sa)
		return;
	ike_debug_deleting(c, sa, "IKE SA deleted by the peer");
	on_ike_ended(c, sa);
}

// Of such a message nothing need be remembered: a copy is answered once more and proves nothing
// (dpd_message.c). They are most of what a gateway receives.
static bool is_dpd_alone(const struct isakmp_chain *chain)
{
	struct isakmp_notify n;

	for (unsigned i = 0; i < chain->count; i++) {
		const struct isakmp_payload *p = &chain->payloads[i];

		if (p->type == ISAKMP_HASH)
			continue;
		if (p->type != ISAKMP_NOTIFY || notify_read(p, &n) < 0 ||
		    (n.type != NOTIFY_R_U_THERE && n.type != NOTIFY_R_U_THERE_ACK))
			return false;
	}
	return true;
}

static void remember(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                     uint32_t message_id, const struct info_message *answer)
{
	uint8_t hash[IKE_NODE_HASH];

	node_hash(c, v->data, v->len, hash);
	node_add(c, sa, message_id, hash, answer->len ? answer->buf : NULL, answer->len, false);
}

static void take_payloads(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                          const struct isakmp_header *h, const struct isakmp_chain *chain)
{
	struct info_news news;
	struct handle self = slab_handle(sa);
	unsigned i;

	exchange_note_heard(sa);
	news.dpd = DPD_NEWS_NONE;
	news.initial_contact = news.delete_sa = false;
	news.answer_port = natt_answer_port(sa, v);
	news.answer.len = 0;
	news.n_deleted = news.n_invalid = 0;
	ike_debug_node_new(c, sa, h->message_id);
	ike_debug_hash(c, sa, h->message_id);
	for (i = 0; i < chain->count && slab_get(&c->ike_sas, self) == sa; i++) {
		const struct isakmp_payload *p = &chain->payloads[i];

		if (p->type == ISAKMP_NOTIFY)
			take_notify(c, sa, p, h->message_id, &news);
		else if (p->type == ISAKMP_DELETE)
			take_delete(c, sa, p, &news);
	}
	if (slab_get(&c->ike_sas, self) != sa)
		return;
	delete_esp(c, sa, &news);
	if (slab_get(&c->ike_sas, self) != sa)
		return;
	ike_debug_node_delete(c, sa, h->message_id, false, "informational (in) state 1");
	ike_debug_event(c, sa, "IKE_MSG_FROM_PEER", "IKE_INFO_NOTIFY");
	if (!is_dpd_alone(chain))
		remember(c, sa, v, h->message_id, &news.answer);
	carry_out(c, sa, v, &news);
}

// In clear: only an error in answer to what we began, and it only shortens the waiting, because it
// may be forged.
static void take_clear(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                       const struct isakmp_header *h)
{
	const struct isakmp_payload *p;
	struct isakmp_chain chain;
	struct isakmp_notify n;
	char text[ADDR_TEXT];

	c->counters.ike_unauthentic++;
	if (!sa->handshake || !sa->initiator || (h->flags & ISAKMP_FLAG_ENCRYPTED) ||
	    isakmp_chain_read(h->next, v->data + ISAKMP_HEADER, v->len - ISAKMP_HEADER, false,
	                      &chain) < 0)
		return;
	p = isakmp_chain_find(&chain, ISAKMP_NOTIFY, 0);
	if (!p || notify_read(p, &n) < 0 || n.type >= NOTIFY_CONNECTED)
		return;
	if (output_may_log(c))
		log_msg(&c->log, LOG_NOTICE, "CRYPTO", "IKMP_REFUSED",
		        "%s answers phase 1 with %s (not authenticated)",
		        addr_format(&v->src, text), isakmp_notify_name(n.type));
	sa->handshake->refused = isakmp_notify_name(n.type);
	retransmit_hurry(&sa->handshake->retransmit);
}

static bool is_copy(struct control *c, struct ike_sa *sa, uint32_t message_id,
                    const struct dp_view *v)
{
	uint8_t hash[IKE_NODE_HASH];

	if (!node_find(c, sa, message_id))
		return false;
	if (natt_is_elsewhere(sa, v)) // heard already, from where the peer is
		return true;
	node_hash(c, v->data, v->len, hash);
	return output_repeat(c, sa, natt_answer_port(sa, v), message_id, hash);
}

void info_input(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                const struct isakmp_header *h)
{
	uint8_t plain[ISAKMP_MESSAGE_MAX], iv[IKE_BLOCK_MAX], next_iv[IKE_BLOCK_MAX];
	struct isakmp_chain chain;
	int err;

	if (!(h->flags & ISAKMP_FLAG_ENCRYPTED) || !ike_sa_is_established(sa)) {
		take_clear(c, sa, v, h);
		return;
	}
	if (!h->message_id || is_copy(c, sa, h->message_id, v))
		return;
	err = keymat_phase2_iv(c->crypto, &sa->suite, &sa->keys, h->message_id, iv);
	if (err == 0)
		err = ike1_message_open(c->crypto, &sa->suite, &sa->keys, iv, next_iv, h, v->data,
		                        plain, sizeof(plain), &chain);
	if (err == 0)
		err = ike1_message_check_hash(c->crypto, &sa->suite, &sa->keys, IKE1_HASH_1,
		                              h->message_id, NULL, &chain);
	if (err < 0) {
		c->counters.ike_unauthentic++;
		return;
	}
	if (!natt_is_heard(c, sa, v)) {
		c->counters.ike_unknown++;
		return;
	}
	ike_debug_received(c, sa, v);
	take_payloads(c, sa, v, h, &chain);
}
