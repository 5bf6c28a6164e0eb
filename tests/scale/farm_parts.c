// See farm_parts.h.
#include "farm_parts.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "ident.h"
#include "isakmp.h"
#include "secret.h"

#define FIRST_PEER  0x64400001u // 100.64.0.1
#define FIRST_HOST  0x0a000001u // 10.0.0.1
#define BEHIND      0xac140000u // 172.20.0.0, the gateway's LAN
#define BEHIND_BITS 16

struct ip_addr farm_peer_addr(uint32_t peer)
{
	return addr_v4(FIRST_PEER + peer);
}

struct ip_addr farm_host_addr(uint32_t peer)
{
	return addr_v4(FIRST_HOST + peer);
}

uint32_t farm_random_id(void)
{
	uint32_t id;

	do
		secret_random(&id, sizeof(id));
	while (id == 0);
	return id;
}

struct isakmp_header farm_header(const struct farm_sa *sa, enum isakmp_exchange exchange,
                                 uint32_t message_id, uint8_t flags)
{
	struct isakmp_header h = {.version = ISAKMP_VERSION_1,
	                          .exchange = (uint8_t)exchange,
	                          .message_id = message_id,
	                          .flags = flags};

	memcpy(h.cookie_i, sa->cookie_i, sizeof(h.cookie_i));
	memcpy(h.cookie_r, sa->cookie_r, sizeof(h.cookie_r));
	return h;
}

void farm_message_begin(const struct farm *f, const struct farm_sa *sa,
                        enum isakmp_exchange exchange, uint32_t message_id,
                        struct isakmp_message *m, uint8_t *buf)
{
	struct isakmp_header h = farm_header(sa, exchange, message_id, ISAKMP_FLAG_ENCRYPTED);

	ike1_message_begin(m, buf, FARM_MESSAGE_MAX, &h, &f->ike);
}

struct selector farm_selector(uint32_t peer)
{
	struct ip_addr host = farm_host_addr(peer), behind = addr_v4(BEHIND);

	return (struct selector){.local = prefix_host(&host),
	                         .remote = prefix_make(&behind, BEHIND_BITS)};
}

enum sa_encap farm_encap(const struct farm *f)
{
	return f->nat ? SA_ENCAP_UDP : SA_ENCAP_NONE;
}

void farm_put_nat_d(struct farm *f, const struct farm_sa *sa, uint16_t port,
                    struct isakmp_message *m)
{
	uint8_t hash[IKE_HASH_MAX];
	uint16_t len = (uint16_t)suite_hash_len(f->ike.hash);

	if (keymat_nat_d(f->crypto, f->ike.hash, sa->cookie_i, sa->cookie_r, &f->gateway, port,
	                 hash))
		abort();
	isakmp_payload_put(m, ISAKMP_NAT_D, hash, len);
	secret_random(hash, len);
	isakmp_payload_put(m, ISAKMP_NAT_D, hash, len);
}

static int auth_hash(struct farm *f, bool is_5, const struct ike1_phase1 *in,
                     const struct ike1_skeyid *skeyid, struct ike_chunk id, uint8_t *out)
{
	return (is_5 ? keymat_hash_i : keymat_hash_r)(f->crypto, &f->ike, in, skeyid, id, out);
}

void farm_auth_begin(struct farm *f, uint32_t peer, const struct farm_sa *sa, bool is_5,
                     const struct ike1_phase1 *in, const struct ike1_skeyid *skeyid,
                     struct isakmp_message *m, uint8_t *buf)
{
	struct isakmp_header h = farm_header(sa, ISAKMP_EXCHANGE_MAIN, 0, ISAKMP_FLAG_ENCRYPTED);
	struct ip_addr own = farm_peer_addr(peer);
	uint8_t hash[IKE_HASH_MAX];
	struct ike_chunk id;
	size_t at;

	isakmp_message_begin(m, buf, FARM_MESSAGE_MAX, &h);
	at = writer_len(&m->w) + ISAKMP_PAYLOAD_HEADER;
	ident_write_addr(m, &own, false);
	id = (struct ike_chunk){buf + at, writer_len(&m->w) - at};
	if (auth_hash(f, is_5, in, skeyid, id, hash))
		abort();
	isakmp_payload_put(m, ISAKMP_HASH, hash, suite_hash_len(f->ike.hash));
}

bool farm_auth_open(struct farm *f, struct farm_sa *sa, bool is_5, const struct ike1_phase1 *in,
                    const struct ike1_skeyid *skeyid, const struct isakmp_header *h,
                    const uint8_t *data)
{
	uint8_t plain[FARM_MESSAGE_MAX], next_iv[IKE_BLOCK_MAX], hash[IKE_HASH_MAX];
	unsigned len = suite_hash_len(f->ike.hash);
	const struct isakmp_payload *id, *got;
	struct isakmp_chain chain;

	if (ike1_message_open(f->crypto, &f->ike, &sa->keys, sa->keys.iv, next_iv, h, data, plain,
	                      sizeof(plain), &chain))
		return false;
	id = isakmp_chain_find(&chain, ISAKMP_ID, 0);
	got = isakmp_chain_find(&chain, ISAKMP_HASH, 0);
	if (!id || !got || got->len != len ||
	    auth_hash(f, is_5, in, skeyid, (struct ike_chunk){id->body, id->len}, hash) ||
	    !secret_equal(hash, got->body, len))
		return false;
	memcpy(sa->keys.iv, next_iv, sizeof(sa->keys.iv));
	return true;
}

struct farm_esp *farm_esp_make(struct farm *f, const struct farm_sa *sa, const struct ike1_quick *q,
                               uint32_t spi_in, uint32_t spi_out)
{
	struct farm_esp *e = calloc(1, sizeof(*e));
	struct sa_spec in, out;

	if (!e)
		abort();
	if (keymat_esp(f->crypto, &f->ike, &sa->keys, q, &f->esp, spi_in, &in) ||
	    keymat_esp(f->crypto, &f->ike, &sa->keys, q, &f->esp, spi_out, &out)) {
		free(e);
		return NULL;
	}
	memcpy(e->key_in, in.key, 16);
	memcpy(e->key_in + 16, in.salt, 4);
	memcpy(e->key_out, out.key, 16);
	memcpy(e->key_out + 16, out.salt, 4);
	return e;
}
