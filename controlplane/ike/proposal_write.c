// SA payloads that this gateway sends: its offers, and the answer that echoes one transform of the
// peer's (RFC 2408, 4.2). Any thread; pure.
#include "proposal.h"
#include "proposal_attr.h"

#define SITUATION_IDENTITY_ONLY 1 // RFC 2407, 4.2.1

// Header of a proposal or transform inside of the SA payload; returns its place for end_item().
static size_t begin_item(struct writer *w, uint8_t next)
{
	size_t at = writer_len(w);

	writer_u8(w, next);
	writer_zero(w, ISAKMP_PAYLOAD_HEADER - 1);
	return at;
}

static void end_item(struct writer *w, size_t at)
{
	writer_patch_u16(w, at + 2, (uint16_t)(writer_len(w) - at));
}

// The SA payload up to its one proposal's transforms. spi 0: none is written.
static size_t begin_sa(struct isakmp_message *m, uint8_t number, uint8_t protocol, uint32_t spi,
                       unsigned transforms)
{
	size_t at;

	isakmp_payload_begin(m, ISAKMP_SA);
	writer_u32(&m->w, ISAKMP_DOI_IPSEC);
	writer_u32(&m->w, SITUATION_IDENTITY_ONLY);
	at = begin_item(&m->w, ISAKMP_NONE);
	writer_u8(&m->w, number);
	writer_u8(&m->w, protocol);
	writer_u8(&m->w, spi ? 4 : 0);
	writer_u8(&m->w, (uint8_t)transforms);
	if (spi)
		writer_u32(&m->w, spi);
	return at;
}

static void end_sa(struct isakmp_message *m, size_t proposal)
{
	end_item(&m->w, proposal);
	isakmp_payload_end(m);
}

static size_t begin_transform(struct isakmp_message *m, bool last, uint8_t number, uint8_t id)
{
	size_t at = begin_item(&m->w, last ? ISAKMP_NONE : ISAKMP_TRANSFORM);

	writer_u8(&m->w, number);
	writer_u8(&m->w, id);
	writer_u16(&m->w, 0);
	return at;
}

void proposal_write_ike(struct isakmp_message *m, const struct ike_suite *suites, unsigned n)
{
	size_t p = begin_sa(m, 1, ISAKMP_PROTO_ISAKMP, 0, n);

	for (unsigned i = 0; i < n; i++) {
		size_t t = begin_transform(m, i + 1 == n, (uint8_t)(i + 1), PROPOSAL_KEY_IKE);

		proposal_attr_write_ike(&m->w, &suites[i]);
		end_item(&m->w, t);
	}
	end_sa(m, p);
}

void proposal_write_esp(struct isakmp_message *m, const struct esp_suite *suites, unsigned n,
                        enum sa_encap encap, uint32_t spi)
{
	size_t p = begin_sa(m, 1, ISAKMP_PROTO_ESP, spi, n);

	for (unsigned i = 0; i < n; i++) {
		size_t t = begin_transform(m, i + 1 == n, (uint8_t)(i + 1),
		                           proposal_attr_transform(&suites[i]));

		proposal_attr_write_esp(&m->w, &suites[i], encap);
		end_item(&m->w, t);
	}
	end_sa(m, p);
}

static void write_answer(struct isakmp_message *m, uint8_t protocol, uint32_t spi,
                         const struct proposal_choice *c)
{
	size_t p = begin_sa(m, c->proposal, protocol, spi, 1);
	size_t t = begin_transform(m, true, c->transform, c->transform_id);

	writer_put(&m->w, c->attributes, c->attributes_len);
	end_item(&m->w, t);
	end_sa(m, p);
}

void proposal_write_ike_answer(struct isakmp_message *m, const struct ike_choice *choice)
{
	write_answer(m, ISAKMP_PROTO_ISAKMP, 0, &choice->raw);
}

void proposal_write_esp_answer(struct isakmp_message *m, const struct esp_choice *choice,
                               uint32_t spi)
{
	write_answer(m, ISAKMP_PROTO_ESP, spi, &choice->raw);
}
