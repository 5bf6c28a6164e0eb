// The SA payload: check of its whole shape, walk over its transforms, choice by our order. Any
// thread; pure. A hostile offer costs one pass, and a comparison for each of its transforms and
// ours.
#include "proposal.h"

#include <errno.h>

#include "dh.h"
#include "proposal_attr.h"

#define SITUATION_IDENTITY_ONLY 1   // RFC 2407, 4.2.1
#define SPI_MIN                 256 // below are reserved (RFC 4303, 2.1)

struct proposal {
	uint8_t number, protocol, spi_len, transforms;
	const uint8_t *spi;
	struct reader body; // its transforms
};

struct transform {
	uint8_t number, id;
	const uint8_t *attributes;
	uint16_t attributes_len;
};

// A walk over all transforms of a checked SA payload.
struct walk {
	struct reader proposals, transforms;
	struct proposal p;
	uint8_t same[256]; // proposals of each number; more than one are a bundle of protocols
};

// The next proposal or transform: generic header whose `next` says if another of its kind follows.
static int take_item(struct reader *r, uint8_t kind, bool *more, struct reader *body)
{
	uint8_t next = reader_u8(r), reserved = reader_u8(r);
	uint16_t len = reader_u16(r);

	if (!reader_ok(r) || len < ISAKMP_PAYLOAD_HEADER || reserved != 0)
		return -EBADMSG;
	if (next != kind && next != ISAKMP_NONE)
		return -EBADMSG;
	*body = reader_sub(r, len - ISAKMP_PAYLOAD_HEADER);
	*more = next == kind;
	// More must be there if and only if it was promised.
	return reader_ok(body) && *more == (reader_left(r) > 0) ? 0 : -EBADMSG;
}

static int take_proposal(struct reader *r, bool *more, struct proposal *p)
{
	struct reader body;

	if (take_item(r, ISAKMP_PROPOSAL, more, &body))
		return -EBADMSG;
	p->number = reader_u8(&body);
	p->protocol = reader_u8(&body);
	p->spi_len = reader_u8(&body);
	p->transforms = reader_u8(&body);
	p->spi = reader_take(&body, p->spi_len);
	p->body = body;
	return reader_ok(&body) && p->transforms ? 0 : -EBADMSG;
}

static int take_transform(struct reader *r, bool *more, struct transform *t)
{
	struct reader body;

	if (take_item(r, ISAKMP_TRANSFORM, more, &body))
		return -EBADMSG;
	t->number = reader_u8(&body);
	t->id = reader_u8(&body);
	reader_u16(&body); // reserved, and ignored: it is inside of what nobody else reads
	t->attributes_len = (uint16_t)reader_left(&body);
	t->attributes = reader_take(&body, t->attributes_len);
	return reader_ok(&body) ? 0 : -EBADMSG;
}

static int validate_transforms(const struct proposal *p)
{
	struct reader r = p->body;
	struct transform t;
	bool more = true;
	unsigned n = 0;

	for (; more; n++) {
		if (take_transform(&r, &more, &t) ||
		    proposal_attr_validate(t.attributes, t.attributes_len))
			return -EBADMSG;
	}
	return n == p->transforms ? 0 : -EBADMSG;
}

int proposal_validate(const uint8_t *body, size_t len)
{
	struct reader r = reader_make(body, len);
	uint32_t doi = reader_u32(&r), situation = reader_u32(&r);
	struct proposal p;
	bool more = true;

	if (!reader_ok(&r))
		return -EBADMSG;
	if (doi != ISAKMP_DOI_IPSEC || situation != SITUATION_IDENTITY_ONLY)
		return -EPROTONOSUPPORT;
	while (more) {
		if (take_proposal(&r, &more, &p) || validate_transforms(&p))
			return -EBADMSG;
	}
	return 0;
}

uint32_t proposal_spi(const uint8_t *body, size_t len)
{
	struct reader r = reader_make(body, len), spi;
	struct proposal p;
	bool more = true;

	if (proposal_validate(body, len))
		return 0;
	reader_take(&r, 8); // DOI and situation
	while (more && take_proposal(&r, &more, &p) == 0) {
		spi = reader_make(p.spi, p.spi_len);
		if (p.protocol == ISAKMP_PROTO_ESP && p.spi_len == 4)
			return reader_u32(&spi);
	}
	return 0;
}

static int walk_init(struct walk *w, const uint8_t *body, size_t len)
{
	struct reader r = reader_make(body, len);
	int err = proposal_validate(body, len);

	if (err)
		return err;
	*w = (struct walk){0};
	reader_take(&r, 8); // DOI and situation
	w->proposals = r;
	w->transforms = reader_make(body, 0);
	while (reader_left(&r)) {
		struct proposal p;
		bool more;

		if (take_proposal(&r, &more, &p))
			return -EBADMSG;
		if (w->same[p.number] < UINT8_MAX)
			w->same[p.number]++;
	}
	return 0;
}

// The next transform that stands alone in its proposal's number; false at the end.
static bool walk_next(struct walk *w, struct transform *t)
{
	bool more;

	while (!reader_left(&w->transforms)) {
		if (!reader_left(&w->proposals) || take_proposal(&w->proposals, &more, &w->p))
			return false;
		w->transforms = w->p.body;
		if (w->same[w->p.number] > 1) // a bundle is all or nothing, so nothing
			w->transforms = reader_make(w->p.spi, 0);
	}
	return take_transform(&w->transforms, &more, t) == 0;
}

static unsigned count_transforms(struct walk w)
{
	struct transform t;
	unsigned n = 0;

	while (walk_next(&w, &t))
		n++;
	return n;
}

static struct proposal_choice choice_of(const struct walk *w, const struct transform *t,
                                        unsigned index)
{
	return (struct proposal_choice){
		.index = index,
		.proposal = w->p.number,
		.transform = t->number,
		.transform_id = t->id,
		.attributes = t->attributes,
		.attributes_len = t->attributes_len,
	};
}

// The shorter of two lifetimes of which 0 says nothing.
static uint32_t shorter(uint32_t a, uint32_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

bool proposal_ike_valid(const struct ike_suite *s)
{
	if (s->cipher == IKE_CIPHER_AES && s->key_bits != 128 && s->key_bits != 192 &&
	    s->key_bits != 256)
		return false;
	return s->cipher != IKE_CIPHER_NONE && s->hash != IKE_HASH_NONE && dh_supported(s->group);
}

bool proposal_esp_valid(const struct esp_suite *s)
{
	bool aes = s->cipher == SA_CIPHER_AES_CBC || s->cipher == SA_CIPHER_AES_GCM_16;

	if (aes && s->key_bits != 128 && s->key_bits != 192 && s->key_bits != 256)
		return false;
	if (s->cipher == SA_CIPHER_CHACHA_POLY) // has no number in IKEv1
		return false;
	if (s->pfs_group && !dh_supported(s->pfs_group))
		return false;
	return sa_cipher_is_aead(s->cipher) == (s->auth == SA_AUTH_NONE);
}

static bool ike_matches(const struct ike_suite *a, const struct ike_suite *b)
{
	return a->cipher == b->cipher && a->hash == b->hash && a->group == b->group &&
	       (a->cipher != IKE_CIPHER_AES || a->key_bits == b->key_bits);
}

static bool esp_matches(const struct esp_suite *a, const struct esp_suite *b)
{
	bool aes = a->cipher == SA_CIPHER_AES_CBC || a->cipher == SA_CIPHER_AES_GCM_16;

	return a->cipher == b->cipher && a->auth == b->auth && a->mode == b->mode &&
	       a->esn == b->esn && (!aes || a->key_bits == b->key_bits);
}

int proposal_choose_ike(const uint8_t *body, size_t len, const struct ike_suite *ours, unsigned n,
                        struct ike_choice *out)
{
	struct transform t;
	struct walk w;
	unsigned best = n;
	int err = walk_init(&w, body, len);

	if (err)
		return err;
	while (walk_next(&w, &t)) {
		struct ike_suite offer;

		if (w.p.protocol != ISAKMP_PROTO_ISAKMP ||
		    !proposal_attr_read_ike(t.id, t.attributes, t.attributes_len, &offer))
			continue;
		for (unsigned i = 0; i < best; i++) {
			if (!ike_matches(&ours[i], &offer) || !proposal_ike_valid(&offer))
				continue;
			best = i;
			out->suite = offer;
			out->suite.lifetime = shorter(ours[i].lifetime, offer.lifetime);
			out->raw = choice_of(&w, &t, i);
		}
	}
	return best < n ? 0 : -ENOENT;
}

// Whether the proposal that the walk is in is ESP's with a usable SPI.
static bool esp_spi(const struct walk *w, uint32_t *spi)
{
	struct reader r = reader_make(w->p.spi, w->p.spi_len);

	if (w->p.protocol != ISAKMP_PROTO_ESP || w->p.spi_len != 4)
		return false;
	*spi = reader_u32(&r);
	return *spi >= SPI_MIN;
}

int proposal_choose_esp(const uint8_t *body, size_t len, const struct esp_suite *ours, unsigned n,
                        enum sa_encap encap, struct esp_choice *out)
{
	struct transform t;
	struct walk w;
	unsigned best = n;
	int err = walk_init(&w, body, len);

	if (err)
		return err;
	while (walk_next(&w, &t)) {
		struct esp_suite offer;
		enum sa_encap wanted;
		uint32_t spi;

		if (!esp_spi(&w, &spi) ||
		    !proposal_attr_read_esp(t.id, t.attributes, t.attributes_len, &offer,
		                            &wanted) ||
		    wanted != encap)
			continue;
		for (unsigned i = 0; i < best; i++) {
			if (!esp_matches(&ours[i], &offer) || !proposal_esp_valid(&ours[i]))
				continue;
			best = i;
			out->suite = offer;
			out->suite.lifetime_seconds =
				shorter(ours[i].lifetime_seconds, offer.lifetime_seconds);
			out->suite.lifetime_kilobytes =
				shorter(ours[i].lifetime_kilobytes, offer.lifetime_kilobytes);
			out->spi = spi;
			out->raw = choice_of(&w, &t, i);
		}
	}
	return best < n ? 0 : -ENOENT;
}

// An answer is one transform in one proposal (RFC 2408, 4.2).
static int check_single(const uint8_t *body, size_t len)
{
	struct reader r = reader_make(body, len);
	struct proposal p;
	struct walk w;
	bool more;
	int err = walk_init(&w, body, len);

	if (err)
		return err;
	reader_take(&r, 8);
	if (take_proposal(&r, &more, &p) || more || count_transforms(w) != 1)
		return -EBADMSG;
	return 0;
}

int proposal_accept_ike(const uint8_t *body, size_t len, const struct ike_suite *offered,
                        unsigned n, struct ike_choice *out)
{
	int err = check_single(body, len);

	return err ? err : proposal_choose_ike(body, len, offered, n, out);
}

int proposal_accept_esp(const uint8_t *body, size_t len, const struct esp_suite *offered,
                        unsigned n, enum sa_encap encap, struct esp_choice *out)
{
	int err = check_single(body, len);

	if (!err)
		err = proposal_choose_esp(body, len, offered, n, encap, out);
	if (err)
		return err;
	return out->suite.pfs_group == offered[out->raw.index].pfs_group ? 0 : -ENOENT;
}
