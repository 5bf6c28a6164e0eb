// ISAKMP header, payload chain and message writer (RFC 2408, 3 and 5). Any thread; pure.
// Input is somebody else's: the whole chain is walked before one body is given out, and what a body
// means is not looked at here.
#include "isakmp.h"

#include <errno.h>

#define FLAGS_KNOWN (ISAKMP_FLAG_ENCRYPTED | ISAKMP_FLAG_COMMIT | ISAKMP_FLAG_AUTH_ONLY)
#define NEXT_OFFSET 16 // of the header's next payload
#define LEN_OFFSET  24 // of the header's length

static bool cookie_is_zero(const uint8_t cookie[8])
{
	static const uint8_t zero[8];

	return memcmp(cookie, zero, 8) == 0;
}

int isakmp_header_read(const void *data, size_t len, struct isakmp_header *h)
{
	struct reader r = reader_make(data, len);

	reader_copy(&r, h->cookie_i, 8);
	reader_copy(&r, h->cookie_r, 8);
	h->next = reader_u8(&r);
	h->version = reader_u8(&r);
	h->exchange = reader_u8(&r);
	h->flags = reader_u8(&r);
	h->message_id = reader_u32(&r);
	h->length = reader_u32(&r);
	if (!reader_ok(&r) || h->length != len || len > ISAKMP_MESSAGE_MAX)
		return -EMSGSIZE;
	// A minor version above ours is refused too (RFC 2408, 3.1).
	if (h->version != ISAKMP_VERSION_1)
		return -EPROTONOSUPPORT;
	if (cookie_is_zero(h->cookie_i) || (h->flags & ~FLAGS_KNOWN))
		return -EBADMSG;
	return 0;
}

// Payload types that stand in a message of their own right. 132 is not among them: fragments are
// not agreed on in this version, so nobody has a reason to send one.
static bool type_is_known(uint8_t type)
{
	switch (type) {
	case ISAKMP_SA:
	case ISAKMP_KE:
	case ISAKMP_ID:
	case ISAKMP_CERT:
	case ISAKMP_CERT_REQ:
	case ISAKMP_HASH:
	case ISAKMP_SIG:
	case ISAKMP_NONCE:
	case ISAKMP_NOTIFY:
	case ISAKMP_DELETE:
	case ISAKMP_VENDOR:
	case ISAKMP_ATTRIBUTES:
	case ISAKMP_NAT_D:
	case ISAKMP_NAT_OA:
		return true;
	default:
		return type >= ISAKMP_PRIVATE && type != ISAKMP_FRAGMENT;
	}
}

// One payload off the reader; *type becomes the next one's.
static int payload_read(struct reader *r, uint8_t *type, struct isakmp_payload *p)
{
	uint8_t next, reserved;
	uint16_t len;

	if (!type_is_known(*type))
		return -ENOTSUP;
	next = reader_u8(r);
	reserved = reader_u8(r);
	len = reader_u16(r);
	// RFC 2408, 5.3: a reserved field that is not zero means that the message is discarded.
	if (!reader_ok(r) || reserved != 0 || len < ISAKMP_PAYLOAD_HEADER)
		return -EBADMSG;
	p->type = *type;
	p->len = len - ISAKMP_PAYLOAD_HEADER;
	p->body = reader_take(r, p->len);
	*type = next;
	return p->body ? 0 : -EBADMSG;
}

int isakmp_chain_read(uint8_t first, const void *data, size_t len, bool padded,
                      struct isakmp_chain *out)
{
	struct reader r = reader_make(data, len);
	uint8_t type = first;

	*out = (struct isakmp_chain){.start = data};
	if (type == ISAKMP_NONE)
		return -EBADMSG;
	while (type != ISAKMP_NONE) {
		int err;

		if (out->count == ISAKMP_PAYLOADS_MAX)
			return -E2BIG;
		err = payload_read(&r, &type, &out->payloads[out->count]);
		if (err)
			return err;
		out->count++;
	}
	out->padding = (uint32_t)reader_left(&r);
	out->len = (uint32_t)(len - out->padding);
	return out->padding && !padded ? -EBADMSG : 0;
}

const struct isakmp_payload *isakmp_chain_find(const struct isakmp_chain *c, uint8_t type,
                                               unsigned nth)
{
	for (unsigned i = 0; i < c->count; i++) {
		if (c->payloads[i].type == type && nth-- == 0)
			return &c->payloads[i];
	}
	return NULL;
}

unsigned isakmp_chain_count(const struct isakmp_chain *c, uint8_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->count; i++)
		n += c->payloads[i].type == type;
	return n;
}

void isakmp_message_begin(struct isakmp_message *m, void *buf, size_t size,
                          const struct isakmp_header *h)
{
	m->w = writer_make(buf, size);
	m->next_at = NEXT_OFFSET;
	m->payload_at = 0;
	writer_put(&m->w, h->cookie_i, 8);
	writer_put(&m->w, h->cookie_r, 8);
	writer_u8(&m->w, ISAKMP_NONE);
	writer_u8(&m->w, h->version);
	writer_u8(&m->w, h->exchange);
	writer_u8(&m->w, h->flags);
	writer_u32(&m->w, h->message_id);
	writer_u32(&m->w, 0);
}

void isakmp_payload_begin(struct isakmp_message *m, uint8_t type)
{
	writer_patch_u8(&m->w, m->next_at, type);
	m->payload_at = writer_len(&m->w);
	m->next_at = m->payload_at;
	writer_zero(&m->w, ISAKMP_PAYLOAD_HEADER);
}

void isakmp_payload_end(struct isakmp_message *m)
{
	size_t len = writer_len(&m->w) - m->payload_at;

	if (len > UINT16_MAX)
		m->w.failed = true;
	writer_patch_u16(&m->w, m->payload_at + 2, (uint16_t)len);
}

void isakmp_payload_put(struct isakmp_message *m, uint8_t type, const void *body, size_t len)
{
	isakmp_payload_begin(m, type);
	writer_put(&m->w, body, len);
	isakmp_payload_end(m);
}

size_t isakmp_message_end(struct isakmp_message *m)
{
	size_t len = writer_len(&m->w);

	if (!writer_ok(&m->w) || len > ISAKMP_MESSAGE_MAX)
		return 0;
	writer_patch_u32(&m->w, LEN_OFFSET, (uint32_t)len);
	return len;
}
