// tok PATH [--bench N] < lines of JSON strings? : reads length-prefixed texts: uint32 size + bytes; writes uint32 count + ids, then decoded size + bytes.
#include <chrono>
#include <cstdio>
#include <iostream>
#include "reclm/lm/tokenizer/load_tokenizer.hpp"
using namespace reclm::lm;
int main(int argc,char**argv){
  auto t0=std::chrono::steady_clock::now();
  const auto tokenizer=load_tokenizer(argv[1]);
  auto t1=std::chrono::steady_clock::now();
  std::string in((std::istreambuf_iterator<char>(std::cin)),{});
  std::vector<std::string> texts; size_t at=0;
  while(at+4<=in.size()){uint32_t n;memcpy(&n,in.data()+at,4);at+=4;texts.push_back(in.substr(at,n));at+=n;}
  auto t2=std::chrono::steady_clock::now(); size_t bytes=0,count=0;
  std::vector<std::vector<TokenId>> all;
  for(auto&t:texts){all.push_back(tokenizer.encode(t));bytes+=t.size();count+=all.back().size();}
  auto t3=std::chrono::steady_clock::now();
  auto s=[](auto a,auto b){return std::chrono::duration<double>(b-a).count();};
  fprintf(stderr,"load %.3f s, encode %.3f s, %.1f MB/s, %zu tokens\n",s(t0,t1),s(t2,t3),bytes/1e6/s(t2,t3),count);
  if(argc>2)return 0;
  for(auto&ids:all){uint32_t n=ids.size();fwrite(&n,4,1,stdout);fwrite(ids.data(),4,n,stdout);auto d=tokenizer.decode(ids);n=d.size();fwrite(&n,4,1,stdout);fwrite(d.data(),1,n,stdout);}
}
