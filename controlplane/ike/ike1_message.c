// Encryption and authentication of whole IKEv1 messages. Control core. An IV moves on only through
// the caller, once a message has turned out to be authentic: a forged one must not break the chain.
#include "ike1_message.h"

#include <errno.h>

#include "secret.h"

#define FLAGS_OFFSET 19 // of the header
#define ID_OFFSET    20

int ike1_message_seal(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_keys *keys,
                      uint8_t iv[IKE_BLOCK_MAX], struct isakmp_message *m)
{
	size_t body = writer_len(&m->w) - ISAKMP_HEADER, len;
	size_t block_len = suite_block_len(s->cipher), over = body % block_len;
	int err;

	// Appendix B: the padding is not in any payload's length, but it is in the header's.
	if (over)
		writer_zero(&m->w, block_len - over);
	len = isakmp_message_end(m);
	if (!len)
		return -EMSGSIZE;
	if (!(m->w.start[FLAGS_OFFSET] & ISAKMP_FLAG_ENCRYPTED) || len == ISAKMP_HEADER)
		return -EINVAL;
	err = ike_crypto_encrypt(c, s, keys->key, iv, m->w.start + ISAKMP_HEADER,
	                         m->w.start + ISAKMP_HEADER, len - ISAKMP_HEADER);
	return err ? err : (int)len;
}

void ike1_message_begin(struct isakmp_message *m, void *buf, size_t size,
                        const struct isakmp_header *h, const struct ike_suite *s)
{
	isakmp_message_begin(m, buf, size, h);
	isakmp_payload_begin(m, ISAKMP_HASH);
	writer_zero(&m->w, suite_hash_len(s->hash));
	isakmp_payload_end(m);
}

int ike1_message_seal_hashed(struct ike_crypto *c, const struct ike_suite *s,
                             const struct ike1_keys *keys, uint8_t iv[IKE_BLOCK_MAX],
                             enum ike1_hash_kind kind, const struct ike1_quick *q,
                             struct isakmp_message *m)
{
	size_t hash_at = ISAKMP_HEADER + ISAKMP_PAYLOAD_HEADER,
	       rest_at = hash_at + suite_hash_len(s->hash);
	struct reader id;
	struct ike_chunk rest;
	int err;

	if (!writer_ok(&m->w))
		return -EMSGSIZE;
	id = reader_make(m->w.start + ID_OFFSET, 4);
	rest = (struct ike_chunk){m->w.start + rest_at, writer_len(&m->w) - rest_at};
	err = keymat_phase2_hash(c, s, keys, kind, reader_u32(&id), q, rest, m->w.start + hash_at);
	return err ? err : ike1_message_seal(c, s, keys, iv, m);
}

int ike1_message_open(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_keys *keys,
                      const uint8_t iv[IKE_BLOCK_MAX], uint8_t next_iv[IKE_BLOCK_MAX],
                      const struct isakmp_header *h, const uint8_t *data, uint8_t *out, size_t size,
                      struct isakmp_chain *chain)
{
	struct reader r = reader_make(data, h->length);
	const uint8_t *body;
	size_t len;
	int err;

	reader_take(&r, ISAKMP_HEADER);
	len = reader_left(&r);
	body = reader_take(&r, len);
	if (!(h->flags & ISAKMP_FLAG_ENCRYPTED) || !body || len == 0 ||
	    len % suite_block_len(s->cipher))
		return -EBADMSG;
	if (len > size)
		return -EMSGSIZE;
	memcpy(next_iv, iv, IKE_BLOCK_MAX);
	err = ike_crypto_decrypt(c, s, keys->key, next_iv, body, out, len);
	return err ? err : isakmp_chain_read(h->next, out, len, true, chain);
}

int ike1_message_check_hash(struct ike_crypto *c, const struct ike_suite *s,
                            const struct ike1_keys *keys, enum ike1_hash_kind kind,
                            uint32_t message_id, const struct ike1_quick *q,
                            const struct isakmp_chain *chain)
{
	const struct isakmp_payload *p = &chain->payloads[0];
	struct reader r = reader_make(chain->start, chain->len);
	size_t hash_len = suite_hash_len(s->hash);
	uint8_t hash[IKE_HASH_MAX];
	struct ike_chunk rest;
	int err;

	if (chain->count == 0 || p->type != ISAKMP_HASH || p->len != hash_len)
		return -EBADMSG;
	// HASH(3) covers no other payload, so none may be there to be believed.
	if (kind == IKE1_HASH_3 && chain->count != 1)
		return -EBADMSG;
	reader_take(&r, ISAKMP_PAYLOAD_HEADER + p->len);
	rest.len = reader_left(&r);
	rest.data = reader_take(&r, rest.len);
	err = keymat_phase2_hash(c, s, keys, kind, message_id, q, rest, hash);
	if (err)
		return err;
	return secret_equal(hash, p->body, hash_len) ? 0 : -EACCES;
}
