// Informational exchanges of a farm's peer (RFC 2408, 4.8; RFC 3706): R-U-THERE both ways, Deletes.
#include <stdlib.h>

#include "farm_answer.h"
#include "farm_parts.h"
#include "isakmp.h"
#include "notify.h"

#define CROSSING_MS 50u

// One of this side's.
struct info {
	uint8_t buf[FARM_MESSAGE_MAX], iv[IKE_BLOCK_MAX];
	struct isakmp_message m;
};

static void begin(struct farm *f, const struct farm_sa *sa, struct info *info)
{
	uint32_t id = farm_random_id();

	if (keymat_phase2_iv(f->crypto, &f->ike, &sa->keys, id, info->iv))
		abort();
	farm_message_begin(f, sa, ISAKMP_EXCHANGE_INFO, id, &info->m, info->buf);
}

static void send(struct farm *f, uint32_t i, const struct farm_sa *sa, struct info *info)
{
	int len = ike1_message_seal_hashed(f->crypto, &f->ike, &sa->keys, info->iv, IKE1_HASH_1,
	                                   NULL, &info->m);

	if (len > 0)
		f->send(f, i, info->buf, (uint16_t)len);
}

static void send_dpd(struct farm *f, uint32_t i, const struct farm_sa *sa, uint16_t type,
                     uint32_t sequence)
{
	struct info info;

	begin(f, sa, &info);
	notify_write_dpd(&info.m, type, sa->cookie_i, sa->cookie_r, sequence);
	send(f, i, sa, &info);
}

// How long ago the gateway heard of DPD: an R-U-THERE of this moment may have met its own.
static uint32_t since_dpd(const struct farm_peer *p, uint32_t now_ms)
{
	return now_ms - (now_ms - p->dpd_ms < CROSSING_MS ? p->dpd_before_ms : p->dpd_ms);
}

static void shows_life(struct farm_peer *p, uint32_t now_ms)
{
	p->dpd_before_ms = p->dpd_ms;
	p->dpd_ms = p->life_ms = now_ms;
}

static void hello_in(struct farm *f, uint32_t i, struct farm_sa *sa, uint32_t sequence,
                     uint16_t len, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	f->counts.hellos++;
	f->hello_len = len;
	if (f->on_hello && sequence > sa->heard)
		f->on_hello(f, i, sa->heard ? since_dpd(p, now_ms) : 0);
	sa->heard = sequence;
	shows_life(p, now_ms);
	send_dpd(f, i, sa, NOTIFY_R_U_THERE_ACK, sequence);
	f->counts.acks_sent++;
}

static void notify_in(struct farm *f, uint32_t i, struct farm_sa *sa,
                      const struct isakmp_payload *payload, uint16_t len, uint32_t now_ms)
{
	struct isakmp_notify n;
	uint32_t sequence;

	if (notify_read(payload, &n)) {
		f->counts.bad++;
		return;
	}
	if (n.type != NOTIFY_R_U_THERE && n.type != NOTIFY_R_U_THERE_ACK)
		return;
	if (notify_read_dpd(&n, sa->cookie_i, sa->cookie_r, &sequence))
		f->counts.bad++;
	else if (n.type == NOTIFY_R_U_THERE)
		hello_in(f, i, sa, sequence, len, now_ms);
	else
		f->counts.acks++;
}

// The gateway gives up an SA by which it receives: one that has a successor, if that has been heard
// of here.
static void esp_deleted(struct farm *f, uint32_t i, const struct isakmp_delete *d, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	for (unsigned n = 0; n < d->count; n++) {
		f->counts.children_deleted++;
		if (p->dead || p->state != FARM_UP || delete_spi(d, n) != p->spi_out)
			continue;
		f->counts.children_lost++;
		if (f->on_lost)
			f->on_lost(f, i);
		farm_peer_renew(f, i, now_ms);
	}
}

static void delete_in(struct farm *f, uint32_t i, const struct farm_sa *sa,
                      const struct isakmp_payload *payload, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct isakmp_delete d;

	if (delete_read(payload, &d))
		return;
	if (d.protocol == ISAKMP_PROTO_ESP)
		esp_deleted(f, i, &d, now_ms);
	if (d.protocol != ISAKMP_PROTO_ISAKMP ||
	    !delete_names_cookies(&d, 0, sa->cookie_i, sa->cookie_r))
		return;
	if (sa != &p->sa) { // it has a successor
		farm_answer_old_gone(f, i);
		return;
	}
	f->counts.deletes++;
	f->counts.false_deaths += !p->dead;
	if (f->on_delete)
		f->on_delete(f, i, now_ms);
	p->state = FARM_IDLE;
}

void farm_info_in(struct farm *f, uint32_t i, struct farm_sa *sa, const struct isakmp_header *h,
                  const uint8_t *data, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	uint8_t plain[FARM_MESSAGE_MAX], iv[IKE_BLOCK_MAX], next_iv[IKE_BLOCK_MAX];
	const struct isakmp_payload *payload;
	struct isakmp_chain chain;

	if (p->state < FARM_SENT_QUICK || !(h->flags & ISAKMP_FLAG_ENCRYPTED)) {
		f->counts.after_bye += p->state == FARM_GONE;
		return;
	}
	if (p->dead && h->length == f->hello_len)
		return; // a Delete is shorter
	if (keymat_phase2_iv(f->crypto, &f->ike, &sa->keys, h->message_id, iv) ||
	    ike1_message_open(f->crypto, &f->ike, &sa->keys, iv, next_iv, h, data, plain,
	                      sizeof(plain), &chain) ||
	    ike1_message_check_hash(f->crypto, &f->ike, &sa->keys, IKE1_HASH_1, h->message_id, NULL,
	                            &chain)) {
		f->counts.bad++;
		return;
	}
	for (unsigned k = 0; !p->dead && (payload = isakmp_chain_find(&chain, ISAKMP_NOTIFY, k));
	     k++)
		notify_in(f, i, sa, payload, (uint16_t)h->length, now_ms);
	for (unsigned k = 0; (payload = isakmp_chain_find(&chain, ISAKMP_DELETE, k)); k++)
		delete_in(f, i, sa, payload, now_ms);
}

void farm_peer_hello(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	if (p->state != FARM_UP || p->dead)
		return;
	shows_life(p, now_ms);
	send_dpd(f, i, &p->sa, NOTIFY_R_U_THERE, p->sa.hello++);
	f->counts.hellos_sent++;
}

void farm_peer_bye(struct farm *f, uint32_t i)
{
	struct farm_peer *p = &f->peers[i];
	struct info child, sa;

	if (p->state != FARM_UP || p->dead)
		return;
	begin(f, &p->sa, &child);
	delete_write_esp(&child.m, p->spi_in);
	send(f, i, &p->sa, &child);
	begin(f, &p->sa, &sa);
	delete_write_sa(&sa.m, p->sa.cookie_i, p->sa.cookie_r);
	send(f, i, &p->sa, &sa);
	p->state = FARM_GONE;
	f->counts.byes++;
}
