// imb_quic_aes_gcm() for the 1.3 that has none: what crypto_quic.c is built with in tests.
#ifndef VIGIL_TESTS_DATAPLANE_QUIC_DOUBLE_H
#define VIGIL_TESTS_DATAPLANE_QUIC_DOUBLE_H

#include <intel-ipsec-mb.h>

// As ipsec-mb 1.4 to 2.0 declare it.
void imb_quic_aes_gcm(IMB_MGR *state, const struct gcm_key_data *key_data,
                      const IMB_KEY_SIZE_BYTES key_size, const IMB_CIPHER_DIRECTION cipher_dir,
                      void *dst_ptr_array[], const void *const src_ptr_array[],
                      const uint64_t len_array[], const void *const iv_ptr_array[],
                      const void *const aad_ptr_array[], const uint64_t aad_len,
                      void *tag_ptr_array[], const uint64_t tag_len, const uint64_t num_packets);

extern unsigned quic_calls, quic_packets; // so far

#endif
