
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * One token of each algorithm, made by PyJWT 2.6 with keys that nobody kept:
 * its key as JSON and as PEM (or the secret itself), and the token.  All say
 * {"sub":"ann","exp":4102444800,"iat":4102441200}.
 */


#ifndef _JWT_CASES_H_INCLUDED_
#define _JWT_CASES_H_INCLUDED_


typedef struct {
    const char  *alg;
    const char  *jwk;
    const char  *pem;
    const char  *token;
} jwt_case_t;


static jwt_case_t  jwt_cases[] = {

    { "HS256",
      "{\"kty\": \"oct\", \"k\": \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhY"
      "mNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg\"}",
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
      "abcdef",
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.-1J-TaB_nw5ip8Z"
      "bMDoaft5bsEMxxAlHNopdAwcPJgg" },

    { "HS384",
      "{\"kty\": \"oct\", \"k\": \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhY"
      "mNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg\"}",
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
      "abcdef",
      "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.q49np1puEtfCREb"
      "UHgNkoIjn5gPxtUN3e6DJrJX7j0faAxWrGG0lxENJ03GmnLM8" },

    { "HS512",
      "{\"kty\": \"oct\", \"k\": \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhY"
      "mNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg\"}",
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
      "abcdef",
      "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.QASBAEu1SbICyoN"
      "zmT3A49FdxfVp0xZVvbl-CZ9Eq1bE_CC1MwPb5QFFyfeJ5YT1NNxj5m_Nx"
      "rYWD4C1s_0R2w" },

    { "RS256",
      "{\"kty\": \"RSA\", \"n\": \"wNYyqIejvz6LMHzLK2q5OaZRc_f8mdX9GhmJb"
      "lLqS6fc0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkdagHeQRxe-8n"
      "XTm_VTO4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U_W_JYk"
      "6Zb-uoCsFVSR-zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A-okNMvi"
      "BiZDlfNguDKEo0ca_PL7_JRXFPCpO7rr7gcI-lfw0lWdFlBJBccgsbvuhL"
      "3jrtSfAx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS-C9FmIBP41Yk"
      "sKVLF6_-bRDz4Iw\", \"e\": \"AQAB\"}",
      "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8"
      "AMIIBCgKCAQEAwNYyqIejvz6LMHzLK2q5\nOaZRc/f8mdX9GhmJblLqS6fc"
      "0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkd\nagHeQRxe+8nXTm/VT"
      "O4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U/\nW/JYk6Zb+u"
      "oCsFVSR+zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A+okNMviB\niZD"
      "lfNguDKEo0ca/PL7/JRXFPCpO7rr7gcI+lfw0lWdFlBJBccgsbvuhL3jrt"
      "SfA\nx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS+C9FmIBP41YksKV"
      "LF6/+bRDz4\nIwIDAQAB\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.gHksOgWEjSiva-h"
      "QV03CZKjwPtmJ1kyr04W3NDGODKkwDuIOmTiABznaK0qEnQfE8-P_Ht8Uw"
      "Qfu6MeewzldO0Wgp_gKsxBOpfr9ANtCPfMhQGhb_JBJ4IsKUAU81FDfwlf"
      "54vvDfx9cwlqOhmIzUQ6QEljrm-oHYwGyFIJG8Fe-LuilRjZL-erkwe1Nj"
      "n8XpmTBcv4ezOLOz7rcbwK4YUvWiAQiAwSEK4xIGuL9eNN_raqWuUdM_lQ"
      "IghqN6tMn_JEycuCsS5h4TxGrAwFePPJgcnBj2T7aOZR3p-6oKIcjbQoYX"
      "O2jmBjvNayvddLHLNTXIARG5vfewhvkiGk52w" },

    { "RS384",
      "{\"kty\": \"RSA\", \"n\": \"wNYyqIejvz6LMHzLK2q5OaZRc_f8mdX9GhmJb"
      "lLqS6fc0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkdagHeQRxe-8n"
      "XTm_VTO4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U_W_JYk"
      "6Zb-uoCsFVSR-zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A-okNMvi"
      "BiZDlfNguDKEo0ca_PL7_JRXFPCpO7rr7gcI-lfw0lWdFlBJBccgsbvuhL"
      "3jrtSfAx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS-C9FmIBP41Yk"
      "sKVLF6_-bRDz4Iw\", \"e\": \"AQAB\"}",
      "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8"
      "AMIIBCgKCAQEAwNYyqIejvz6LMHzLK2q5\nOaZRc/f8mdX9GhmJblLqS6fc"
      "0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkd\nagHeQRxe+8nXTm/VT"
      "O4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U/\nW/JYk6Zb+u"
      "oCsFVSR+zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A+okNMviB\niZD"
      "lfNguDKEo0ca/PL7/JRXFPCpO7rr7gcI+lfw0lWdFlBJBccgsbvuhL3jrt"
      "SfA\nx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS+C9FmIBP41YksKV"
      "LF6/+bRDz4\nIwIDAQAB\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJSUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.PvSroS0YuE_L9Gz"
      "HP74eQP9XxCM_mbl_WrcAmrTRXE63fUBMX0D-thSlk0yfTihNk7j3ji5Gt"
      "yvCGkkYEA88wF4y0om7v6yA8aOE95aTi2_Q_jzFD7YJchxwKp_Su5OXlZ_"
      "PM6iAQ2XDDatdcV35uLXkcn9oGi4SegEZezuqk0e4FHF9lCeQwTUVEf1om"
      "eI92O73-D1Ha7tYC9fTLlYmcjbgzzHmPBsc_oBdfw031iM5dbN_gKlGN5o"
      "w_T8MdMmz7DlKMPccLzrBtY0XwkBOnEmvFCpRbjmyABCL1QSGt-bLD6tHk"
      "Qfq9c1_T6G3VXutp7pMah7aftBgNzWupCUC9A" },

    { "RS512",
      "{\"kty\": \"RSA\", \"n\": \"wNYyqIejvz6LMHzLK2q5OaZRc_f8mdX9GhmJb"
      "lLqS6fc0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkdagHeQRxe-8n"
      "XTm_VTO4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U_W_JYk"
      "6Zb-uoCsFVSR-zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A-okNMvi"
      "BiZDlfNguDKEo0ca_PL7_JRXFPCpO7rr7gcI-lfw0lWdFlBJBccgsbvuhL"
      "3jrtSfAx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS-C9FmIBP41Yk"
      "sKVLF6_-bRDz4Iw\", \"e\": \"AQAB\"}",
      "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8"
      "AMIIBCgKCAQEAwNYyqIejvz6LMHzLK2q5\nOaZRc/f8mdX9GhmJblLqS6fc"
      "0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkd\nagHeQRxe+8nXTm/VT"
      "O4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U/\nW/JYk6Zb+u"
      "oCsFVSR+zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A+okNMviB\niZD"
      "lfNguDKEo0ca/PL7/JRXFPCpO7rr7gcI+lfw0lWdFlBJBccgsbvuhL3jrt"
      "SfA\nx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS+C9FmIBP41YksKV"
      "LF6/+bRDz4\nIwIDAQAB\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.nsCDz6PdN2ju_cL"
      "D5ScGNR-JpJCigW-FfYUDmTnPd31O3JqraIAvF-vdKPztq72jyY0RPasiG"
      "aMHih9ksZnaM_vMXFcPunq2ccsedu2XAj6y9D7e-chMxUmE9mIVk29Wu1g"
      "XwlUvsAt4wrrho3BgKgwMmvjBmuM6y3ESWUZoV1y3FkiWvcE68UeW6dUZ0"
      "qOITqd-ZwCFTLwzHMMmVlDFLXKCFJ7PDBwICx-2ElmPDMqnfa_AU_3Qh5Q"
      "DF2nyeL6OXfPIClTyyl0kkhShZGtQv72WMpOUnOGYgcFPaCn23DYX_O1pJ"
      "cdC3gX6thexaA1jpxjtiYybQN4LXBO6UKRoEA" },

    { "PS256",
      "{\"kty\": \"RSA\", \"n\": \"wNYyqIejvz6LMHzLK2q5OaZRc_f8mdX9GhmJb"
      "lLqS6fc0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkdagHeQRxe-8n"
      "XTm_VTO4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U_W_JYk"
      "6Zb-uoCsFVSR-zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A-okNMvi"
      "BiZDlfNguDKEo0ca_PL7_JRXFPCpO7rr7gcI-lfw0lWdFlBJBccgsbvuhL"
      "3jrtSfAx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS-C9FmIBP41Yk"
      "sKVLF6_-bRDz4Iw\", \"e\": \"AQAB\"}",
      "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8"
      "AMIIBCgKCAQEAwNYyqIejvz6LMHzLK2q5\nOaZRc/f8mdX9GhmJblLqS6fc"
      "0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkd\nagHeQRxe+8nXTm/VT"
      "O4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U/\nW/JYk6Zb+u"
      "oCsFVSR+zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A+okNMviB\niZD"
      "lfNguDKEo0ca/PL7/JRXFPCpO7rr7gcI+lfw0lWdFlBJBccgsbvuhL3jrt"
      "SfA\nx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS+C9FmIBP41YksKV"
      "LF6/+bRDz4\nIwIDAQAB\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.DjZeDdO6iB_kwsT"
      "CK_a7t2rrDakF0xA8Tj81ZMz_3i0z_CArMMTp9tjs8XEK28mwyYrdaZ6KF"
      "IKg_e5lFFtGfMZaQ4E7e3xMVJLbYt6ijBNJUR169a8MAEVAr3iegtd-gfv"
      "c4gknDwsW7zulFGJIh_vFnPV2bn8uERljxYAg4TTTEXuOUpUOhq85xgcrM"
      "TBHt0jXksYkGE6jIJnrw5iv7iUGRTwoGIo2YJSJAz_6O-RsbFcqNLedE0h"
      "nOfrOOfoL7gCSHspHBuFbAQ0xrzbX6IITQVKbkXPKUBcVPswaX87gMZknI"
      "TiuZ3wDvvMwKqHu022JWfPLl_d2cmwrh1o0tA" },

    { "PS384",
      "{\"kty\": \"RSA\", \"n\": \"wNYyqIejvz6LMHzLK2q5OaZRc_f8mdX9GhmJb"
      "lLqS6fc0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkdagHeQRxe-8n"
      "XTm_VTO4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U_W_JYk"
      "6Zb-uoCsFVSR-zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A-okNMvi"
      "BiZDlfNguDKEo0ca_PL7_JRXFPCpO7rr7gcI-lfw0lWdFlBJBccgsbvuhL"
      "3jrtSfAx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS-C9FmIBP41Yk"
      "sKVLF6_-bRDz4Iw\", \"e\": \"AQAB\"}",
      "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8"
      "AMIIBCgKCAQEAwNYyqIejvz6LMHzLK2q5\nOaZRc/f8mdX9GhmJblLqS6fc"
      "0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkd\nagHeQRxe+8nXTm/VT"
      "O4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U/\nW/JYk6Zb+u"
      "oCsFVSR+zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A+okNMviB\niZD"
      "lfNguDKEo0ca/PL7/JRXFPCpO7rr7gcI+lfw0lWdFlBJBccgsbvuhL3jrt"
      "SfA\nx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS+C9FmIBP41YksKV"
      "LF6/+bRDz4\nIwIDAQAB\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJQUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.nWN9i-X4jSHy8OS"
      "1fjySLZqwDHyfm-RQIBDua9Sw07xcLKLgz_WhMbHeKHEr0JjzWYEBeUnT1"
      "6yIhZJa4-1a6Gx7wYZEQJo5toYZcDMv9Yb-sYs_n8RWyjN1cQbhs-TZAio"
      "zTN_dsskG5KWceoMw4uwuQdPCuOLWCTEIA7WdQYNppR5rGeVGF294Etz6s"
      "BJ_eLH7jfyeIRqRMzviMt-4mdFwNI_hWc-R9RubhhDpynZ6KK6aXUDMW3r"
      "jtFfKbJ1cfYH8-EDUaEuDsXlgvS5lK-WOldqve68GXIv7_SaRlc8lJA9_T"
      "Vtnnu3XqkDuTL9a4U6U0f8FYlPCvJPd2pvqNA" },

    { "PS512",
      "{\"kty\": \"RSA\", \"n\": \"wNYyqIejvz6LMHzLK2q5OaZRc_f8mdX9GhmJb"
      "lLqS6fc0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkdagHeQRxe-8n"
      "XTm_VTO4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U_W_JYk"
      "6Zb-uoCsFVSR-zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A-okNMvi"
      "BiZDlfNguDKEo0ca_PL7_JRXFPCpO7rr7gcI-lfw0lWdFlBJBccgsbvuhL"
      "3jrtSfAx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS-C9FmIBP41Yk"
      "sKVLF6_-bRDz4Iw\", \"e\": \"AQAB\"}",
      "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8"
      "AMIIBCgKCAQEAwNYyqIejvz6LMHzLK2q5\nOaZRc/f8mdX9GhmJblLqS6fc"
      "0I1ZUIKPMTL0aLokRj3iwk0CXhNGHBfVhR0qldkd\nagHeQRxe+8nXTm/VT"
      "O4ma7S0GEQ2don06wrvbftYIiCYqkSaTl3ePWLndCjfH2U/\nW/JYk6Zb+u"
      "oCsFVSR+zdXPEUz5dZbZDGDR2ArnBeLCmE4WkFE6fmKo5A+okNMviB\niZD"
      "lfNguDKEo0ca/PL7/JRXFPCpO7rr7gcI+lfw0lWdFlBJBccgsbvuhL3jrt"
      "SfA\nx8WNv7bnge1dqF80aC8L9iFjKOnP3eObrKyEIkS+C9FmIBP41YksKV"
      "LF6/+bRDz4\nIwIDAQAB\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJQUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.JLpGLcwnxymttx-"
      "pFaF0Jj5D-JdHs6_BvUrRavRKje02yNBmu4uJWrtL4EAST6tOoAfS_6w9k"
      "V75FlySh42vjYSs2pQhyyiLyPARq4uwUUu0Lmi9tBcHiY48ujvJc4bA4bu"
      "7VukQvbk65mHie2-oYdzSXPgHzXVPo7V-_0j3OmxqUjrJ2I7wq12bBcv6G"
      "1ZXKix2baq0qdqwr2HG3Rys4SYsCTBCtAnjeGG2OhgvxXswkt0Ibk_o9k5"
      "jNvDqY52WUeFyFhcqaPIT_KBmPgmEeYDLeCQUREiStDmDpVBZSXF3achvS"
      "teYc0JtBHDV-10TqIV1l8dqY_QDN_TS_aVQ9A" },

    { "ES256",
      "{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"UiOzRmlJ-nMWp7WzZX4qyj"
      "nJgAIIM0V3XV4PP1XUz2w\", \"y\": \"dK5pGvkC8BjJ1JALXzGT3THARfh1"
      "gO3z0jE4j3HzawI\"}",
      "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQc"
      "DQgAEUiOzRmlJ+nMWp7WzZX4qyjnJgAII\nM0V3XV4PP1XUz2x0rmka+QLw"
      "GMnUkAtfMZPdMcBF+HWA7fPSMTiPcfNrAg==\n-----END PUBLIC KEY--"
      "---\n",
      "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.VkWbEyXIPcRSHfR"
      "DpZQIyp6bNHteZuLqNibaeEDmVaeDSkUZhB1y78TauzVb2dgMspNOlT0Ll"
      "3TUzxYVcHEr0g" },

    { "ES384",
      "{\"kty\": \"EC\", \"crv\": \"P-384\", \"x\": \"bJCC9qB9batNXEETvq9k9Z"
      "hxo7PzrkXmMO7PCwp_Tr0TJuhvHg4jpvee6N018Yrm\", \"y\": \"I9A07bt"
      "-Fn1Zq9h6mj1NNnQQ5W-0Gjog2vCP2ygFxjBGDyKKJ73kWSvjxOJ8vI9m\""
      "}",
      "-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgA"
      "EbJCC9qB9batNXEETvq9k9Zhxo7PzrkXm\nMO7PCwp/Tr0TJuhvHg4jpvee"
      "6N018YrmI9A07bt+Fn1Zq9h6mj1NNnQQ5W+0Gjog\n2vCP2ygFxjBGDyKKJ"
      "73kWSvjxOJ8vI9m\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.54tNOgkpbh1mGNM"
      "r5_dwpYFumsbpSgElJ4x7oUuOq9-8CQZ5qlylQQpVQ-G22Sol19n6-EKdm"
      "WaCB_OWGbwIyNoWgJYlDIDtMRPP9ky7U9l_wn1W4Nru84D3t7YlUXwu" },

    { "ES512",
      "{\"kty\": \"EC\", \"crv\": \"P-521\", \"x\": \"AfJC3YaQTZZewJOFZV-ryF"
      "aE_RbAZhW4GNeJ8ua82E1RJl860MkJ3Ou2RWYfc-CLcSuBbaQFaWnlqVXb"
      "CYVHVLiM\", \"y\": \"AW1zxs4im9nKXN4MEyVo2R7Fsu6bqOLcI2SmMC_YI"
      "AtEHGvRt6ywvkQmbn8Hx6g5TASscutlsxHX8qBVIZiCDggg\"}",
      "-----BEGIN PUBLIC KEY-----\nMIGbMBAGByqGSM49AgEGBSuBBAAjA4G"
      "GAAQB8kLdhpBNll7Ak4VlX6vIVoT9FsBm\nFbgY14ny5rzYTVEmXzrQyQnc"
      "67ZFZh9z4ItxK4FtpAVpaeWpVdsJhUdUuIwBbXPG\nziKb2cpc3gwTJWjZH"
      "sWy7puo4twjZKYwL9ggC0Qca9G3rLC+RCZufwfHqDlMBKxy\n62WzEdfyoF"
      "UhmIIOCCA=\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJFUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.AbAZptLOJ_PapYO"
      "7RK5s7Zr-UAeOYYeKCVaPuFPboPNGbIvfImUzVG4W0cugaaJHefpaxT4fK"
      "pbUQFis3__k20nPAfUQLIFGh3MVR8gAReC6_sna1x3GmzwF4_sghOrn9Gu"
      "E7v6OJ14elngnS_y1bxP45IuKVVRapKtqdP7Cqz_rN-Js" },

    { "EdDSA",
      "{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"x\": \"gMWzmtaThSEbAd0PLMM"
      "R82Pwrqu6FdGRHI5UpePVYjo\"}",
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAgMWzmtaThSEbAd0"
      "PLMMR82Pwrqu6FdGRHI5UpePVYjo=\n-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
      "HAiOjQxMDI0NDQ4MDAsImlhdCI6NDEwMjQ0MTIwMH0.vGQNHZsRXk-VMfK"
      "3sdsko0QRkeZ1lmqQwb9myUioiZkB2Lj1CZ3eoYcO-n7CaD6yaua9a-lBK"
      "wS4-aoZk6QWBw" },

    { NULL, NULL, NULL, NULL }
};


/* 1024 bits */

static const char  jwt_weak_jwk[] =
    "{\"kty\": \"RSA\", \"n\": \"uaK06l49P_3m33AmH0wcQgsI-p5cpDNnDeVOR"
    "YyUlayg_16gh7wcM8qRO5XKO046pHkAmvxPTigD3qyL3UoFD5VXN-11YRM"
    "4jvAaL0z1spA-khx8yYSzogOvSeWZhBMkHjyfWiPwqKZVuMAnt1GmarM8u"
    "MZzVKUNuGZvkqcNO1c\", \"e\": \"AQAB\"}";

static const char  jwt_weak_pem[] =
    "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADC"
    "BiQKBgQC5orTqXj0//ebfcCYfTBxCCwj6\nnlykM2cN5U5FjJSVrKD/XqCH"
    "vBwzypE7lco7TjqkeQCa/E9OKAPerIvdSgUPlVc3\n7XVhEziO8BovTPWyk"
    "D6SHHzJhLOiA69J5ZmEEyQePJ9aI/CoplW4wCe3UaZqszy4\nxnNUpQ24Zm"
    "+Spw07VwIDAQAB\n-----END PUBLIC KEY-----\n";


#endif /* _JWT_CASES_H_INCLUDED_ */
